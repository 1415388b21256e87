import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';
import { Duplicates } from '../places/duplicates.ts';
import { Runs } from '../places/runs.ts';

test.beforeEach(async ({ page, portal }) => {
  await portal.goTo('Data Migration');
  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();
  await portal.openTab('Duplicates');
});

test('a pair is looked at, decided and taken back with the keyboard alone', async ({ page }) => {
  const review = await new Duplicates(page).openLatest();
  await review.begin('trying the review out');
  await expect(review.waterfall).toBeVisible();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  await page.keyboard.press('h');
  await expect(review.keys).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(review.keys).toBeHidden();

  await expect(review.place).toContainText('Pair 1 of');
  await page.keyboard.press('n');
  await expect(page.getByText('They are not the same person.')).toBeVisible();
  await page.keyboard.press('u');
  await expect(page.getByText('Taken back.')).toBeVisible();
  await expect(review.undo).toBeDisabled();
});

test('two sliders say what they would do', async ({ page }) => {
  const review = await new Duplicates(page).openLatest();
  await review.openPage('Thresholds');
  const merged = page
    .getByRole('region', { name: 'What would become of all pairs' })
    .getByRole('cell')
    .first();
  const before = await merged.textContent();

  await page.getByLabel('Merge without a look from').fill('20');

  await expect(merged).not.toHaveText(before!);
  await expectAccessible(page);
});

test('the model is shown as a chart, and as the numbers behind it', async ({ page }) => {
  const review = await new Duplicates(page).openLatest();
  await review.openPage('Model');

  await expect(page.getByRole('img', { name: /^Pairs by weight/ })).toBeVisible();
  await page.getByText('The numbers').click();
  await expect(page.getByRole('region', { name: 'Pairs by weight' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'What each pass found' })).toBeVisible();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
});

test('what the policy merged is listed', async ({ page }) => {
  const review = await new Duplicates(page).openLatest();
  await review.openPage('Merges');

  await expect(page.getByRole('region', { name: 'Merges' })).toBeVisible();
  await expectAccessible(page);
});

test('a cluster shows what holds it together and, for a reason, what survives, and is merged', async ({ page }) => {
  const review = await new Duplicates(page).openLatest();
  await review.openPage('Clusters');
  await page.getByLabel('Order').selectOption('Weakest link first');
  const clusters = page.getByRole('region', { name: 'Clusters' });
  await clusters.locator('tbody').getByRole('link').first().click();

  await expect(page.getByRole('region', { name: 'Links' })).toBeVisible();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
  await page.getByLabel('Reason').fill('looking at who belongs together');
  await page.getByRole('button', { name: 'Show the records' }).click();
  const records = page.getByRole('region', { name: 'Records and what survives' });
  await expect(records).toBeVisible();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  const first = records.getByRole('checkbox').first();
  await first.uncheck();
  await expect(page.getByRole('button', { name: 'Merge 1 record' })).toBeDisabled();
  await first.check();
  await page.getByRole('button', { name: 'Merge 2 records' }).click();
  await expect(page.getByText('They are one person.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'See the merges' })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Merge/ })).toBeHidden();
});
