import { expect, type Locator, type Page } from '@playwright/test';
import { choose } from './choose.ts';

/** Assessments: asking for one, and one of them. */
export class Assessment {
  readonly plan: Locator;
  readonly rows: Locator;
  readonly profile: Locator;
  readonly start: Locator;
  readonly heading: Locator;
  readonly sum: Locator;
  readonly forecast: Locator;
  readonly warnings: Locator;

  constructor(readonly page: Page) {
    this.plan = page.getByLabel('Plan', { exact: true });
    this.rows = page.getByLabel('Run its rules over');
    this.profile = page.getByLabel('Also say what the values look like');
    this.start = page.getByRole('button', { name: 'Start the assessment' });
    this.heading = page.getByRole('heading', { level: 2, name: /^Assessment of/ });
    this.sum = page.getByRole('region', { name: 'What it comes to' });
    this.forecast = page.getByRole('region', { name: 'Forecast', exact: true });
    this.warnings = page.getByRole('region', { name: 'Warning', exact: true });
  }

  async open(): Promise<void> {
    await this.page.goto('/portal/migration/assessment');
    await this.page.getByRole('heading', { level: 2, name: 'Assessment', exact: true }).waitFor();
    await this.plan.waitFor();
  }

  /** Assesses a plan, and waits for what is found. */
  async assess(plan: string): Promise<void> {
    await choose(this.plan, plan);
    await this.start.click();
    await this.heading.waitFor();
    await expect(this.sum).toBeVisible({ timeout: 120_000 });
  }

  /** The numbers of a table's line in the forecast: rows, looked at, loaded, filtered, quarantined. */
  async foretold(): Promise<number[][]> {
    const frame = this.page.getByRole('region', { name: 'Forecast by table' });
    const rows = await frame.locator('tbody').getByRole('row').all();
    return Promise.all(
      rows.map(async (row) => {
        const cells = await row.getByRole('cell').allTextContents();
        return cells.map((text) => Number(text.replace(/\D/g, '')));
      }),
    );
  }
}
