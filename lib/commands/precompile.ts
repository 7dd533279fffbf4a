import { writeFileSync } from 'node:fs'
import { processLogger } from '../runtime/logger.js'
import { schemasOf } from '../schema/ahead.js'
import { AHEAD_FILE, compileAhead } from '../schema/compiler.js'
import { installedPlugins } from './plugins.js'

// The last step of the build: compiles what the configs of the built-in plugins are checked by.
const plugins = await installedPlugins([], processLogger())
const schemas = Array.from(plugins.values(), ({ module }) => schemasOf(module)).flat()
writeFileSync(AHEAD_FILE, compileAhead(schemas))
