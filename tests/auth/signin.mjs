// Drives Debian's Chromium over a server with access control: node signin.mjs URL USER PASSWORD
// Ends with an error at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [base, user, password] = process.argv.slice(2);
const { chromium } = createRequire(new URL('../../web/package.json', import.meta.url))('playwright-core');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
try {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => complaints.push(`a window of the browser's own: ${dialog.message()}`));

  await page.goto(`${base}/experiments`);
  await page.getByRole('heading', { name: 'Sign in to Fettle' }).waitFor();
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill('wrong password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('is wrong').waitFor();

  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(`Signed in as ${user}.`).waitFor();
  await page.getByText('team-1').first().waitFor();
  assert.equal(await page.getByText('secret-1').count(), 0);
  assert.equal(await page.evaluate(() => document.cookie), '');
  assert.deepEqual((await context.cookies()).map((cookie) => [cookie.name, cookie.httpOnly, cookie.sameSite]), [['fettle_session', true, 'Strict']]);

  // a change made from the page passes the checks of a cookie's origin
  const status = await page.evaluate(async () => (await fetch('/api/fettle/v1/tokens', { method: 'POST', body: '{"name":"of the page"}' })).status);
  assert.equal(status, 200);

  await page.reload();
  await page.getByText(`Signed in as ${user}.`).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to Fettle' }).waitFor();
  assert.equal((await context.cookies()).length, 0);
  assert.deepEqual(complaints, []);
} finally {
  await browser.close();
}
