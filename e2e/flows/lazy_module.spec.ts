import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';
import { Landing } from '../places/landing.ts';

const MODULES = /\/split-[0-9a-f]+\/.*\.wasm$/;

test('the migration pages are fetched only when they are visited', async ({ page, portal }) => {
  const fetched: string[] = [];
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
  await page.reload();
  await portal.goTo('Library');
  await portal.goTo('Home');
  expect(fetched.filter((path) => MODULES.test(path))).toEqual([]);

  await portal.goTo('Data Migration');
  await expect(page.getByRole('heading', { name: 'What needs you' })).toBeVisible();
  expect(fetched.filter((path) => MODULES.test(path)).length).toBeGreaterThan(0);
});

test.describe('a module that cannot be fetched', () => {
  test.use({ expectedProblems: [/404|Failed to load|split|fetch/i] });

  test('is an error page, and the portal lives on', async ({ page, portal }) => {
    await page.route(MODULES, (route) => route.fulfill({ status: 404 }));
    await portal.goTo('Data Migration');
    const failure = page.getByRole('alert');
    await expect(failure.getByRole('heading')).toHaveText('The migration pages could not be loaded');
    await expectAccessible(page);

    await portal.goTo('Home');
    await expect(page.getByRole('heading', { name: 'Operations Overview' })).toBeVisible();

    await portal.goTo('Data Migration');
    await expect(failure).toBeVisible();
    await page.unroute(MODULES);
    await failure.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('heading', { name: 'What needs you' })).toBeVisible();
  });
});

test('the first load has at most 250 KiB', async ({ page }) => {
  let bytes = 0;
  page.on('response', async (response) => {
    const { responseBodySize } = await response.request().sizes();
    bytes += responseBodySize;
  });
  await new Landing(page).open();
  await page.waitForLoadState('networkidle');
  expect(bytes).toBeGreaterThan(50 * 1024);
  expect(bytes).toBeLessThanOrEqual(250 * 1024);
});
