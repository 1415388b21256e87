import { expect, test } from '../fixtures/portal.ts';

const PLACES: [string, string][] = [
  ['Assistant', 'AI Assistant'],
  ['Library', 'Knowledge Library'],
  ['Reports', 'Reports & Analytics'],
  ['Data Migration', 'Data Migration'],
  ['Home', 'Dashboard'],
];

test('the sidebar leads to every place and marks where one is', async ({ portal }) => {
  for (const [link, title] of PLACES) {
    await portal.goTo(link);
    await expect(portal.title).toHaveText(title);
    await expect(portal.sidebar.locator('[aria-current=page]')).toHaveText(link);
  }
});

test('the sidebar folds with Ctrl+B and stays so', async ({ page, portal }) => {
  const home = portal.sidebar.getByRole('link', { name: 'Home' });
  const width = async () => (await home.boundingBox())!.width;
  const wide = await width();
  await page.keyboard.press('Control+b');
  await expect.poll(width).toBeLessThan(wide / 2);
  await page.reload();
  await expect(portal.title).toHaveText('Dashboard');
  await expect.poll(width).toBeLessThan(wide / 2);
  await page.keyboard.press('Control+b');
  await expect.poll(width).toBe(wide);
});

test('the account menu leads to the profile and closes', async ({ page, portal }) => {
  await page.getByRole('button', { name: /Account/ }).click();
  await page.getByRole('link', { name: 'Profile' }).click();
  await expect(portal.title).toHaveText('Profile');
  await expect(page.getByRole('link', { name: 'Settings' })).toBeHidden();
  await expect(page.getByRole('definition').filter({ hasText: 'Administrator' })).toBeVisible();
});

test('the theme is kept', async ({ page, portal }) => {
  const html = page.locator('html');
  await expect(html).not.toHaveClass(/dark/);
  await portal.theme.click();
  await expect(html).toHaveClass(/dark/);
  await page.reload();
  await expect(html).toHaveClass(/dark/);

  await page.goto('/portal/settings');
  await expect(page.getByLabel('Dark', { exact: true })).toBeChecked();
  await page.getByLabel('System').check();
  await expect(html).not.toHaveClass(/dark/);
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect(html).toHaveClass(/dark/);
});

test('an address that leads nowhere says so', async ({ page, portal: _ }) => {
  for (const path of ['/portal/nowhere', '/portal/migration/nowhere', '/nowhere']) {
    await page.goto(path);
    await expect(page.getByRole('heading', { name: 'Page not found' })).toBeVisible();
  }
  await page.getByRole('link', { name: 'Return to Home' }).click();
  await expect(page).toHaveURL('/portal');
});

test('an error leads to its page in the library', async ({ page, portal: _ }) => {
  await page.goto('/portal/library/error-handling#data-008');
  await expect(page.getByRole('heading', { name: 'DATA-008 The parent row is missing' })).toBeInViewport();
  await page.getByLabel('Search by code or word').fill('disk');
  await expect(page.getByRole('article')).toHaveCount(1);
});

test.describe('on a small screen', () => {
  test.use({ viewport: { width: 375, height: 740 } });

  test('the bar at the bottom leads everywhere', async ({ page, portal }) => {
    await expect(portal.sidebar).toBeHidden();
    await portal.bottomBar.getByRole('link', { name: 'Migration' }).click();
    await expect(portal.title).toHaveText('Data Migration');
    await expect(portal.bottomBar.locator('[aria-current=page]')).toHaveText('Migration');

    await portal.bottomBar.getByRole('button', { name: 'More' }).click();
    const more = page.getByRole('dialog', { name: 'More' });
    await more.getByRole('link', { name: 'Settings' }).click();
    await expect(portal.title).toHaveText('Settings');
    await expect(more).toBeHidden();

    await portal.bottomBar.getByRole('button', { name: 'More' }).click();
    await more.getByRole('button', { name: 'Sign Out' }).click();
    await expect(page).toHaveURL('/');
  });
});
