import { defineConfig } from '@playwright/test';
import tests from './playwright.config.ts';

/** Figures of the portal in a browser: './dev bench portal' prints them. */
export default defineConfig({
  ...tests,
  testDir: 'bench',
  reporter: [['line']],
  projects: [{ name: 'desktop' }],
  workers: 1,
  retries: 0,
  timeout: 300_000,
  // What looks on takes its time.
  use: { ...tests.use, trace: 'off', screenshot: 'off' },
});
