import { expect, type Locator, type Page } from '@playwright/test';

/** One sign-off, and the way to it. */
export class SignOff {
  readonly state: Locator;
  readonly acceptance: Locator;
  readonly people: Locator;
  readonly person: Locator;
  readonly why: Locator;

  constructor(readonly page: Page) {
    this.state = page.getByRole('status', { name: 'State of the sign-off' });
    this.acceptance = page.getByRole('status', { name: 'Acceptance' });
    this.people = page.getByRole('region', { name: 'People of the sample' });
    this.person = page.getByRole('region', { name: /^Person \d+$/ });
    this.why = page.getByLabel('Why you accept or reject it');
  }

  /** Draws people of the run whose page is shown. */
  async drawFromRun(size: number): Promise<void> {
    await this.page.getByRole('link', { name: 'Sign off', exact: true }).click();
    await this.page.getByLabel('How many people').fill(String(size));
    await this.page.getByRole('button', { name: 'Draw them' }).click();
    await expect(this.state).toHaveText('Open', { timeout: 120_000 });
  }

  async judge(judgement: 'Accept' | 'Reject', why: string): Promise<void> {
    await this.why.fill(why);
    await this.person.getByRole('button', { name: judgement }).press('Enter');
  }
}
