import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';

test('a manual is found by a word and read', async ({ page, portal }) => {
  await portal.goTo('Library');
  await page.getByLabel('Search the manuals').fill('waive');
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(page).toHaveURL(/words=waive/);
  const hit = page.getByRole('main').getByRole('listitem').first();
  await expect(hit).toContainText(/waive/i);
  await expectAccessible(page);
  await hit.getByRole('link').click();
  await expect(page).toHaveURL(/\/portal\/library\/[a-z-]+/);
  await expect(page.getByRole('heading', { level: 2 })).toBeVisible();
});

test('every manual can be read by everybody', async ({ page, portal: _ }) => {
  test.setTimeout(120_000);
  await page.goto('/portal/library');
  const links = page.getByRole('main').getByRole('list').getByRole('link');
  await links.first().waitFor();
  const addresses = await links.evaluateAll((all) =>
    all.map((link) => link.getAttribute('href')!).filter((href) => href.startsWith('/portal/')),
  );
  expect(addresses.length).toBeGreaterThan(5);
  for (const address of addresses) {
    await page.goto(address);
    await page.getByRole('link', { name: 'Library', exact: true }).first().waitFor();
    await expect(page.getByRole('main').getByRole('heading', { level: 2 })).toBeVisible();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
  }
});

test('the assistant explains a code, and leads to its page', async ({ page, portal }) => {
  await portal.goTo('Assistant');
  await page.getByRole('button', { name: 'What does DATA-003 mean?' }).click();
  const answers = page.getByRole('log', { name: 'Questions and answers' });
  const link = answers.getByRole('link', { name: /^DATA-003/ });
  await expect(link).toBeVisible();
  await expectAccessible(page);
  await link.click();
  await expect(page).toHaveURL(/error-handling#data-003/);
});
