import type { Page } from '@playwright/test';
import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';
import { Landing } from '../places/landing.ts';
import { SignIn } from '../places/sign_in.ts';

const PORTAL = /\/split-[0-9a-f]+\/split_portal\.wasm$/;
const MIGRATION = /\/split-[0-9a-f]+\/split_migration\.wasm$/;

/** The paths of everything that the page fetches from here on. */
function fetchedBy(page: Page): string[] {
  const fetched: string[] = [];
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
  return fetched;
}

test('who is not signed in fetches neither the portal nor the migration pages', async ({ page }) => {
  const fetched = fetchedBy(page);
  await new Landing(page).open();
  await new SignIn(page).open();
  expect(fetched.filter((path) => PORTAL.test(path) || MIGRATION.test(path))).toEqual([]);
});

test('the migration pages are fetched only when they are visited', async ({ page, portal }) => {
  const fetched = fetchedBy(page);
  await page.reload();
  await portal.goTo('Library');
  await portal.goTo('Home');
  await expect(page.getByRole('heading', { name: 'Recent activity' })).toBeVisible();
  expect(fetched.filter((path) => PORTAL.test(path))).toHaveLength(1);
  expect(fetched.filter((path) => MIGRATION.test(path))).toEqual([]);

  await portal.goTo('Data Migration');
  await expect(page.getByRole('heading', { name: 'What needs you' })).toBeVisible();
  expect(fetched.filter((path) => MIGRATION.test(path))).toHaveLength(1);
});

test.describe('a module that cannot be fetched', () => {
  test.use({ expectedProblems: [/404|Failed to (load|fetch|execute 'compile')/] });

  test('is an error page, and the portal lives on', async ({ page, portal }) => {
    await page.route(MIGRATION, (route) => route.fulfill({ status: 404 }));
    await portal.goTo('Data Migration');
    const failure = page.getByRole('alert');
    await expect(failure.getByRole('heading')).toHaveText('Could not load the migration pages');
    await expectAccessible(page);

    await portal.goTo('Home');
    await expect(page.getByRole('heading', { name: 'Operations Overview' })).toBeVisible();

    await portal.goTo('Data Migration');
    await expect(failure).toBeVisible();
    await page.unroute(MIGRATION);
    await failure.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('heading', { name: 'What needs you' })).toBeVisible();
  });
});

test('the first load has at most 250 KiB', async ({ browser }) => {
  const load = async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const sizes: Promise<number>[] = [];
    page.on('requestfinished', (request) => {
      sizes.push(request.sizes().then((size) => size.responseBodySize));
    });
    await new Landing(page).open();
    await page.waitForLoadState('networkidle');
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    await context.close();
    return bytes;
  };
  expect(await load()).toBeGreaterThan(100 * 1024);
  // A server that has just begun compresses quickly at first, and better as soon as it can.
  await expect.poll(load, { timeout: 50_000 }).toBeLessThanOrEqual(250 * 1024);
});
