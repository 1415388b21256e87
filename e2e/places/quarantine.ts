import type { Locator, Page } from '@playwright/test';

/** What a run could not carry over, and the work on it. */
export class Quarantine {
  readonly causes: Locator;
  readonly table: Locator;
  readonly cause: Locator;
  readonly state: Locator;
  readonly rows: Locator;
  readonly picks: Locator;
  readonly shown: Locator;
  readonly details: Locator;
  readonly work: Locator;
  readonly outcome: Locator;
  readonly actions: Locator;

  constructor(readonly page: Page) {
    this.causes = page.getByRole('region', { name: 'By cause' });
    this.table = page.getByLabel('Table', { exact: true });
    this.cause = page.getByLabel('Cause', { exact: true });
    this.state = page.getByLabel('State', { exact: true });
    const list = page.getByRole('region', { name: 'Quarantined rows', exact: true });
    this.rows = list.getByRole('button');
    this.picks = list.getByRole('checkbox');
    this.shown = page.getByRole('status').filter({ hasText: 'shown' });
    this.details = page.getByRole('dialog', { name: 'A row in quarantine' });
    this.work = page.getByRole('group', { name: 'Work on rows' });
    this.outcome = page.getByRole('region', { name: 'What came of it', exact: true });
    this.actions = page.getByRole('region', { name: 'What was done' }).first();
  }

  /** Opens the window in which something is done with the chosen rows. */
  async begin(task: 'Mark as looked at' | 'Fix' | 'Waive' | 'Replay'): Promise<Locator> {
    await this.work.getByRole('button', { name: task, exact: true }).click();
    const dialog = this.page.getByRole('dialog').filter({ visible: true });
    await dialog.waitFor();
    return dialog;
  }

  /** The first line of what was done. */
  get lastAction(): Locator {
    return this.actions.locator('tbody').getByRole('row').first();
  }
}
