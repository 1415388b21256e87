import type { Locator, Page } from '@playwright/test';
import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible } from '../fixtures/accessibility.ts';
import { Quarantine } from '../places/quarantine.ts';
import { Run } from '../places/run.ts';

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

/** Goes on by Tab until something has the focus. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await wanted.waitFor();
  for (let steps = 0; steps < 150; steps += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error('Tab does not lead there');
}

test('a run is started, read and its quarantine opened without a mouse', async ({ page, portal: _ }) => {
  test.setTimeout(120_000);
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  const tabs = page.getByRole('navigation', { name: 'Data Migration' });
  await tabTo(page, tabs.getByRole('link', { name: 'Runs' }));
  await page.keyboard.press('Enter');

  const plans = page.getByLabel('Plan', { exact: true });
  await tabTo(page, plans);
  await page.keyboard.type('MDW demo');
  await expect(plans.getByRole('option', { selected: true })).toContainText('MDW demo');
  await tabTo(page, page.getByLabel('Begin again'));
  await page.keyboard.press('Space');
  await tabTo(page, page.getByRole('button', { name: 'Start a run' }));
  await page.keyboard.press('Enter');

  const run = new Run(page);
  await run.completes();
  await tabTo(page, run.quarantine);
  await page.keyboard.press('Enter');
  const quarantine = new Quarantine(page);
  await tabTo(page, quarantine.rows.first());
  await page.keyboard.press('Enter');
  await expect(quarantine.details.getByText('What to do')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(quarantine.details).toBeHidden();
});
