import type { Page } from '@playwright/test';
import { choose } from './choose.ts';
import { Run } from './run.ts';

export class Runs {
  constructor(readonly page: Page) {}

  async open(): Promise<void> {
    await this.page.goto('/portal/migration/runs');
    await this.page.getByRole('heading', { level: 2, name: 'Runs' }).waitFor();
  }

  /** Chooses the plan of which a run is started or rehearsed. */
  async choose(plan: string): Promise<void> {
    await choose(this.page.getByLabel('Plan', { exact: true }), plan);
  }

  /** Starts a run from nothing, whatever earlier flows did, and goes to its page. */
  async startAfresh(plan: string): Promise<Run> {
    await this.open();
    await this.choose(plan);
    await this.page.getByLabel('Begin again').check();
    await this.page.getByRole('button', { name: 'Start a run' }).click();
    const run = new Run(this.page);
    await run.heading.waitFor();
    return run;
  }
}
