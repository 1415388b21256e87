import { expect, type Locator, type Page } from '@playwright/test';

/** One verification, and the way to it. */
export class Verification {
  readonly state: Locator;
  readonly fresh: Locator;
  readonly tables: Locator;
  readonly mismatches: Locator;
  readonly repair: Locator;
  readonly look: Locator;
  readonly looked: Locator;
  readonly meant: Locator;
  readonly repairIt: Locator;
  readonly takeBack: Locator;

  constructor(readonly page: Page) {
    this.state = page.getByRole('status', { name: 'State of the verification' });
    this.fresh = page.getByText(/^Fresh: neither side changed since/);
    this.tables = page.getByRole('region', { name: 'What was found, by table' });
    this.mismatches = page.getByRole('region', { name: 'Rows that are not the same' });
    this.repair = page.getByRole('region', { name: 'Repair', exact: true });
    this.look = this.repair.getByRole('button', { name: 'Look what a repair would do' });
    this.looked = page.getByRole('region', { name: 'All rows that differ' });
    this.meant = page.getByLabel('I looked at what it does');
    this.repairIt = this.looked.getByRole('button', { name: 'Repair it' });
    this.takeBack = this.looked.getByRole('button', { name: 'Take it back' });
  }

  /** Begins one of the run whose page is shown. */
  async beginFromRun(): Promise<void> {
    await this.page.getByRole('link', { name: 'Verify', exact: true }).click();
    await this.page.getByRole('button', { name: 'Verify it' }).click();
    await this.page.getByRole('heading', { level: 2, name: /^Verification of/ }).waitFor();
  }

  async endsAs(state: 'Equal' | 'Different'): Promise<void> {
    await expect(this.state).toHaveText(state, { timeout: 120_000 });
  }
}
