import { expect, type Locator, type Page } from '@playwright/test';

/** The clinical checks of a run, and the way to them. */
export class ClinicalChecks {
  readonly state: Locator;
  readonly verdict: Locator;
  readonly other: Locator;
  readonly percent: Locator;

  constructor(readonly page: Page) {
    this.state = page.getByRole('status', { name: 'State of the checks' });
    this.verdict = page.getByRole('status', { name: 'Verdict' });
    this.other = page.getByRole('form', { name: 'Other thresholds' });
    this.percent = page.getByLabel('Percent of what it is about');
  }

  /** Has those of the run whose page is shown made. */
  async makeFromRun(): Promise<void> {
    await this.page.getByRole('link', { name: 'Check', exact: true }).click();
    await this.page.getByRole('button', { name: 'Check it' }).click();
    await expect(this.verdict).toBeVisible({ timeout: 120_000 });
  }

  finding(key: string): Locator {
    return this.page.getByRole('listitem').filter({ has: this.page.getByRole('link', { name: key, exact: true }) });
  }
}
