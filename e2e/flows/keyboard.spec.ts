import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';

test('the keys lead everywhere, and say so themselves', async ({ page, portal }) => {
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await expect(help).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(help).toBeHidden();

  for (const [key, title] of [['m', 'Data Migration'], ['l', 'Knowledge Library'], ['h', 'Dashboard']] as const) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await expect(portal.title).toHaveText(title);
  }
});

test('a slash goes to the search, and keys in a field are the field’s', async ({ page, portal: _ }) => {
  await page.goto('/portal/library');
  const search = page.getByLabel('Search the manuals');
  await search.waitFor();
  await page.keyboard.press('/');
  await expect(search).toBeFocused();
  await page.keyboard.type('g?m');
  await expect(search).toHaveValue('g?m');
  await expect(page).toHaveURL('/portal/library');
});

test('single keys can be turned off', async ({ page, portal: _ }) => {
  await page.goto('/portal/settings');
  await page.getByLabel('Shortcuts of a single key, such as ? and /').uncheck();
  await page.getByRole('heading', { name: 'Appearance' }).click();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeHidden();
  await page.reload();
  await expect(page.getByLabel('Shortcuts of a single key, such as ? and /')).not.toBeChecked();
});

test.describe('when the server stops answering', () => {
  test.use({ expectedProblems: [/ERR_FAILED|ERR_INTERNET_DISCONNECTED|Failed to load/] });

  test('the page keeps its place, says why, and lists the error', async ({ page, portal }) => {
    await page.route('**/api/v1/plans*', (route) => route.abort());
    await portal.goTo('Data Migration');
    await portal.openTab('Plans');
    await expect(page.getByRole('heading', { name: 'The server cannot be reached' })).toBeVisible();
    const button = page.getByRole('button', { name: /^\d+ errors?$/ });
    await button.click();
    const list = page.getByRole('dialog', { name: /^Errors/ });
    await expect(list.getByText('The server cannot be reached').first()).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press('Escape');

    await page.unroute('**/api/v1/plans*');
    await page.getByRole('main').getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('link', { name: 'MDW demo' })).toBeVisible();
  });
});
