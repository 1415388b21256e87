import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';
import { binary, freePort, root } from './fixtures/server.ts';

const data = join(import.meta.dirname, '.data');

// Workers read this file again and must find the server that the first reading started.
if (!process.env.E2E_PORT) {
  process.env.E2E_PORT = String(await freePort());
  process.env.E2E_TARGET = freshDatabase() ?? '';
  rmSync(data, { recursive: true, force: true });
}
const demo = process.env.E2E_TARGET ? `--demo --demo-target "${process.env.E2E_TARGET}"` : '--demo';
const baseURL = `http://127.0.0.1:${process.env.E2E_PORT}`;

const PHONE = { viewport: { width: 375, height: 740 }, hasTouch: true };

/** The flows that are walked on a phone too: one for each goal. */
const GOALS =
  /(migration|connections|pause|interrupted|quarantine|rollback|second_person|reports|plans)\.spec\.ts$/;

export default defineConfig({
  testDir: 'flows',
  outputDir: 'test-results',
  reporter: [['list'], ['html', { open: 'never' }]],
  forbidOnly: !!process.env.CI,
  // One server with one demonstration database stands behind all flows.
  workers: 1,
  // A machine under load may answer late once; what fails twice fails, and both are reported.
  retries: process.env.CI ? 1 : 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    baseURL,
    locale: 'en-GB',
    timezoneId: 'UTC',
    trace: 'retain-on-failure',
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
  ],
  webServer: {
    command: `"${binary}" serve ${demo} --listen 127.0.0.1:${process.env.E2E_PORT} --data "${data}"`,
    cwd: root,
    url: baseURL,
    reuseExistingServer: false,
    timeout: 120_000,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 },
  },
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

/** An empty database on the PostgreSQL that `./dev` started; else the demonstration uses SQLite. */
function freshDatabase(): string | undefined {
  const server = process.env.TRANSFUSE_TEST_POSTGRES;
  if (!server) return undefined;
  const name = `e2e_${process.pid}`;
  execFileSync('psql', [server, '--quiet', '--command', `create database ${name}`]);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
