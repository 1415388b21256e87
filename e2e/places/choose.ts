import type { Locator } from '@playwright/test';

/** Chooses by the beginning of what people read. */
export async function choose(select: Locator, text: string): Promise<void> {
  await select.waitFor();
  const labels = await select.getByRole('option').allTextContents();
  const label = labels.find((label) => label.startsWith(text));
  if (!label) throw new Error(`${text} is not among ${labels.join(', ')}`);
  await select.selectOption({ label });
}
