import { expect, test } from '../fixtures/portal.ts';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/accessibility.ts';
import { Landing } from '../places/landing.ts';
import { Plans } from '../places/plans.ts';
import { Quarantine } from '../places/quarantine.ts';
import { Runs } from '../places/runs.ts';
import { SignIn } from '../places/sign_in.ts';

/** Every page, and what is on it when it is there. */
const PAGES: [string, string | RegExp][] = [
  ['/portal', 'Recent activity'],
  ['/portal/assistant', 'You may begin with one of these:'],
  ['/portal/library', 'Manuals'],
  ['/portal/library/quarantine', /kept whole/],
  ['/portal/library/error-handling', /CONN-001/],
  ['/portal/reports', 'A report for each run'],
  ['/portal/profile', 'What you may do'],
  ['/portal/settings', 'Appearance'],
  ['/portal/nowhere', 'Oops! Page not found'],
  ['/portal/migration', 'What needs you'],
  ['/portal/migration/connections', 'Legacy MDW'],
  ['/portal/migration/plans', 'MDW demo'],
  ['/portal/migration/assessment', 'Assess a plan'],
  ['/portal/migration/runs', 'Start a run'],
  ['/portal/migration/clinical-checks', 'Clinical checks'],
  ['/portal/migration/approvals', 'All requests'],
  ['/portal/migration/alerts', 'Who is told'],
  ['/portal/migration/audit', 'The chain holds.'],
  ['/portal/migration/duplicates', 'Duplicates'],
];

const SCREENS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  { name: 'small', colorScheme: 'light', viewport: { width: 375, height: 740 } },
] as const;

for (const { name, ...screen } of SCREENS) {
  test.describe(name, () => {
    test.use({ ...screen, contextOptions: { reducedMotion: 'reduce' } });

    test('every page can be used by everybody', async ({ page, portal: _ }) => {
      test.setTimeout(150_000);
      for (const [path, content] of PAGES) {
        await page.goto(path);
        await expect(page.getByRole('main').getByText(content).first()).toBeVisible();
        await expectAccessible(page);
        await expectNoSidewaysScroll(page);
      }
    });

    test('so can a run and its quarantine', async ({ page, portal: _ }) => {
      const run = await new Runs(page).startAfresh('MDW demo');
      await run.completes();
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);

      await run.quarantine.click();
      const quarantine = new Quarantine(page);
      await quarantine.rows.first().click();
      await expect(quarantine.details.getByText('What to do')).toBeVisible();
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    });

    test('so can the pages of who is not signed in', async ({ page }) => {
      await new Landing(page).open();
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
      const signIn = new SignIn(page);
      await signIn.open();
      await signIn.submit.click();
      await expectAccessible(page);
    });

    test('so can a plan in all its views', async ({ page, portal: _ }) => {
      const plans = new Plans(page);
      await plans.openPlan('MDW demo');
      for (const look of ['Tables', 'Codes', 'YAML', 'Versions'] as const) {
        await plans.look(look);
        await expectAccessible(page);
        await expectNoSidewaysScroll(page);
      }
    });
  });
}

test('the keyboard reaches the content at once', async ({ page, portal: _ }) => {
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});
