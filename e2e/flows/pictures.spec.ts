import { join } from 'node:path';
import { expect, test } from '../fixtures/portal.ts';
import { Assessment } from '../places/assessment.ts';
import { Plans } from '../places/plans.ts';
import { Quarantine } from '../places/quarantine.ts';
import { Runs } from '../places/runs.ts';

/** Where the pictures of the user guide are kept; `./dev screenshots` says so. */
const folder = process.env.PICTURES;

test.use({
  viewport: { width: 1200, height: 780 },
  colorScheme: 'light',
  contextOptions: { reducedMotion: 'reduce' },
});

test('the pictures of the user guide', async ({ page, portal }) => {
  test.skip(!folder, 'only when they are wanted');
  test.setTimeout(300_000);
  const take = async (name: string) => {
    // What only passes by does not belong in a picture.
    for (const close of await page.getByRole('button', { name: 'Dismiss' }).all()) {
      await close.click();
    }
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: join(folder!, `${name}.png`), animations: 'disabled' });
  };

  const assessment = new Assessment(page);
  await assessment.open();
  await assessment.profile.check();
  await assessment.assess('MDW demo');
  await take('assessment');

  const run = await new Runs(page).startAfresh('MDW demo');
  await run.completes();
  await take('run');
  await run.quarantine.click();
  await new Quarantine(page).rows.first().waitFor();
  await take('quarantine');

  await portal.goTo('Reports');
  await page.getByRole('link', { name: /^MDW demo/ }).first().click();
  await expect(page.getByRole('region', { name: 'Books', exact: true })).toBeVisible();
  await take('report');

  await new Plans(page).openPlan('MDW demo');
  await page.getByRole('group', { name: 'View' }).waitFor();
  await take('plan');
  await portal.goTo('Data Migration');
  await expect(page.getByText('What needs you')).toBeVisible();
  await take('overview');
});
