import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['spec/**/*.spec.ts'],
    exclude: ['spec/browser/**'],
    globalSetup: 'spec/support/build.ts',
    // Many specs wait for sockets and processes: every core may have one.
    maxWorkers: '100%',
    // Sockets and processes of a busy shared machine may stall for seconds: one more try there, none at a desk.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
