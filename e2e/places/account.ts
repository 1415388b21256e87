import type { Locator, Page } from '@playwright/test';

/** The settings of the installation and the users of it. */
export class Settings {
  readonly users: Locator;
  readonly save: Locator;

  constructor(readonly page: Page) {
    this.users = page.getByRole('region', { name: 'Users' }).first();
    this.save = page.getByRole('button', { name: 'Save the settings' });
  }

  async open(): Promise<void> {
    await this.page.goto('/portal/settings');
    await this.save.waitFor();
  }

  /** Adds a user and gives the link by which they set a password. */
  async addUser(wanted: { name: string; email: string; role: string }): Promise<string> {
    await this.users.getByRole('button', { name: 'Add a user' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Add a user' });
    await dialog.getByLabel('E-mail').fill(wanted.email);
    await dialog.getByLabel('Name').fill(wanted.name);
    await dialog.getByLabel('Role').selectOption(wanted.role);
    await dialog.getByRole('button', { name: 'Add the user' }).click();
    const link = this.users.getByRole('status').locator('code');
    await link.waitFor();
    return (await link.textContent())!;
  }

  async openUser(name: string): Promise<Locator> {
    await this.users.getByRole('button', { name }).click();
    const dialog = this.page.getByRole('dialog', { name });
    await dialog.waitFor();
    return dialog;
  }
}

/** Setting a password by a link. */
export class ResetPassword {
  readonly password: Locator;
  readonly submit: Locator;

  constructor(readonly page: Page) {
    this.password = page.getByLabel('Another password', { exact: true });
    this.submit = page.getByRole('button', { name: 'Set the password' });
  }

  async set(link: string, password: string): Promise<void> {
    await this.page.goto(link);
    await this.password.fill(password);
    await this.submit.click();
    await this.page.getByText('Your password is set.').waitFor();
  }
}
