import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['spec/**/*.spec.ts'],
    exclude: ['spec/browser/**'],
    globalSetup: 'spec/support/build.ts',
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
