import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

const PHONE = { viewport: { width: 375, height: 740 }, hasTouch: true };

/** The flows that are walked on a phone too: one for each goal. */
const GOALS =
  /(migration|connections|pause|interrupted|quarantine|rollback|second_person|reports|plans)\.spec\.ts$/;

export default defineConfig({
  testDir: 'flows',
  outputDir: 'test-results',
  reporter: [['list'], ['html', { open: 'never' }]],
  forbidOnly: !!process.env.CI,
  // Each worker has a server and a demonstration of its own.
  workers: 2,
  // A machine under load may answer late once; what fails twice fails, and both are reported.
  retries: process.env.CI ? 1 : 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    locale: 'en-GB',
    timezoneId: 'UTC',
    // Tracing every flow costs a quarter of their time.
    trace: 'on-first-retry',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: installedChromium(),
      args: [
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        // Containers have little shared memory.
        '--disable-dev-shm-usage',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'desktop' },
    // What somebody wants to get done gets done on a phone as well, here in the dark.
    { name: 'phone', testMatch: GOALS, use: { ...PHONE, colorScheme: 'dark' } },
    // What is left of sizes and themes, when somebody asks for it.
    ...(process.env.EVERY_LOOK
      ? [
          { name: 'desktop in the dark', testMatch: GOALS, use: { colorScheme: 'dark' as const } },
          { name: 'phone in the light', testMatch: GOALS, use: PHONE },
        ]
      : []),
  ],
});

/** The machine's own Chromium; without one Playwright uses the browser it has downloaded. */
function installedChromium(): string | undefined {
  const candidates = [
    process.env.CHROMIUM,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ];
  return candidates.find((path) => path && existsSync(path));
}
