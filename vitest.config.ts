import { defineConfig } from 'vitest/config'

const BROWSER = 'spec/browser/**'

/** Specs whose files have a process each: they measure it, want it as it started, change it for good, or start others. */
const ALONE = [
  'spec/01-unit/llm/{answers/kept-reads,usage-counting,tokens/*}.spec.ts',
  'spec/01-unit/pluginserver/*.spec.ts',
  'spec/01-unit/runtime/{http-chunk,log-entry,request-bytes}.spec.ts',
  'spec/01-unit/{schema/schema,setup}.spec.ts',
  'spec/02-integration/{commands,credentials,hostile,workers}/**/*.spec.ts',
  'spec/02-integration/container.spec.ts',
  'spec/02-integration/ai-proxy/15-large-bodies.spec.ts',
  'spec/02-integration/failover/04-stream-limits.spec.ts',
  'spec/02-integration/observability/03-tracing.spec.ts',
  'spec/02-integration/pluginserver/{03-events,07-restarts}.spec.ts',
  'spec/02-integration/providers/05-images.spec.ts',
]

export default defineConfig({
  test: {
    globalSetup: 'spec/support/build.ts',
    setupFiles: 'spec/support/hooks.ts',
    // Many specs wait for sockets and processes: every core may have one.
    maxWorkers: '100%',
    // Sockets and processes of a busy shared machine may stall for seconds: one more try there, none at a desk.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE } },
      {
        extends: true,
        // Most files take less time than a process of their own and its modules do.
        test: {
          name: 'together',
          include: ['spec/**/*.spec.ts'],
          exclude: [BROWSER, ...ALONE],
          isolate: false,
        },
      },
    ],
  },
})
