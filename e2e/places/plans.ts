import type { Locator, Page } from '@playwright/test';
import { choose } from './choose.ts';

/** The list of plans, and one plan of it. */
export class Plans {
  readonly yaml: Locator;
  readonly save: Locator;
  readonly search: Locator;

  constructor(readonly page: Page) {
    this.yaml = page.getByLabel('The plan as YAML');
    this.save = page.getByRole('button', { name: 'Save a new version' });
    this.search = page.getByLabel('Search tables and columns');
  }

  async open(): Promise<void> {
    await this.page.goto('/portal/migration/plans');
    await this.page.getByRole('heading', { level: 2, name: 'Plans' }).waitFor();
  }

  async openPlan(name: string): Promise<void> {
    await this.open();
    await this.page.getByRole('link', { name }).first().click();
    await this.page.getByRole('heading', { level: 2, name }).waitFor();
  }

  async look(kind: 'Tables' | 'Codes' | 'YAML' | 'Versions'): Promise<void> {
    await this.page.getByRole('group', { name: 'View' }).getByRole('button', { name: kind }).click();
  }

  /** Has a plan drafted from the demo's source, and goes to its page. */
  async draft(wanted: { to: string; template: string; name: string }): Promise<void> {
    await this.open();
    await this.page.getByRole('button', { name: 'Draft a plan' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Draft a plan' });
    await choose(dialog.getByLabel('From'), 'Legacy MDW');
    await choose(dialog.getByLabel('To', { exact: true }), wanted.to);
    await choose(dialog.getByLabel('Template'), wanted.template);
    await dialog.getByLabel('Name').fill(wanted.name);
    await dialog.getByRole('button', { name: 'Draft' }).click();
    await this.page.getByRole('heading', { level: 2, name: wanted.name }).waitFor();
  }

  /** Replaces a part of the document, all at once: a browser types a hundred kilobytes for minutes. */
  async edit(what: string | RegExp, by: string): Promise<void> {
    const text = (await this.yaml.inputValue()).replace(what, by);
    await this.yaml.evaluate((area: HTMLTextAreaElement, text) => {
      area.value = text;
      area.dispatchEvent(new Event('input', { bubbles: true }));
    }, text);
  }
}
