import { defineConfig } from '@playwright/test';
import tests from './playwright.config.ts';

/** Figures of the portal in a browser: './dev bench portal' prints them. */
export default defineConfig({
  ...tests,
  testDir: 'bench',
  reporter: [['line']],
  // The figures are what is printed.
  webServer: { ...([tests.webServer].flat()[0] ?? never()), stderr: 'ignore' },
  retries: 0,
  timeout: 300_000,
  // What looks on takes its time.
  use: { ...tests.use, trace: 'off', screenshot: 'off' },
});

function never(): never {
  throw new Error('the tests start no server');
}
