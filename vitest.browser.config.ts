import { defineConfig } from 'vitest/config'

/** The specs that need a browser: `npm run test:browser`. */
export default defineConfig({
  test: {
    include: ['spec/browser/**/*.spec.ts'],
    setupFiles: 'spec/support/hooks.ts',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
