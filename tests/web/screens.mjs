// Drives Debian's Chromium over a running server: node screens.mjs URL FOLDER_OF_SCREENSHOTS
// Prints one JSON line with what was measured; ends with an error at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [base, folder] = process.argv.slice(2);
const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const api = async (path, body) => {
  const response = await fetch(`${base}/api/fettle/v1${path}`, body && { method: 'POST', body: JSON.stringify(body) });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.json();
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
const complaints = [];

async function open(context, path) {
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(`${path}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`${path}: ${error.message}`));
  await page.goto(base + path);
  await page.locator('main h1').waitFor();
  return page;
}

async function settle(page) {
  await page.waitForLoadState('load');
  await page.evaluate(() => document.fonts.ready);
  if (await page.locator('.chart').count()) await page.locator('.chart canvas').first().waitFor();
}

// axe-core is put in as a script of the browser, past the page's own policy.
async function accessible(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] }));
  const lines = found.violations.flatMap((rule) => rule.nodes.map((node) => `${name}: ${rule.id}: ${node.html.slice(0, 140)} ${node.any[0]?.message ?? ''}`));
  assert.deepEqual(lines, []);
}

async function look(path, name, expect) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 390]) {
      const context = await browser.newContext({ viewport: { width, height: 860 }, colorScheme });
      const page = await open(context, path);
      await settle(page);
      for (const text of expect) await page.getByText(text).first().waitFor();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, `${name} is ${wide} pixels too wide at ${width}`);
      await accessible(page, `${name} ${colorScheme} ${width}`);
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      await context.close();
    }
  }
}

const { rollouts } = await api('/rollouts');
const rollout = rollouts[0];
assert.equal(rollout.state, 'running');
await look('/', 'home', ['flights', 'Open alerts', 'version 2 against version 1']);
await look('/endpoints/flights', 'endpoint', ['Quality', 'Data quality', 'log loss']);
await look('/endpoints/flights?kind=day&window=2001-05-08', 'endpoint-day', ['origin = ATL', 'contradicts the known value']);
await look(`/rollouts/${rollout.id}`, 'rollout', ['Evidence', 'Guardrails', 'Started']);
await look('/alerts', 'alerts', ['distance']);
await look('/predictions/replay-2001-05-08-0:0', 'prediction', ['The way back', 'The outcome came on', 'commit']);


const mlflow = async (path, body) => {
  const response = await fetch(`${base}/api/2.0/mlflow${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.json();
};
const { experiments } = await mlflow('/experiments/search', { max_results: 10, filter: "name != 'Default'" });
const experiment = experiments[0].experiment_id;
const { runs } = await mlflow('/runs/search', { experiment_ids: [experiment] });
assert.equal(runs.length, 2);
const [run, other] = runs.map((one) => one.info.run_id);
for (let step = 0; step < 50; ++step) await mlflow('/runs/log-metric', { run_id: run, key: 'train/loss', value: Math.exp(-step / 10), timestamp: 1e12 + step * 1000, step });
await look('/experiments', 'experiments', ['Default', experiments[0].name]);
await look(`/experiments/${experiment}?picture=true`, 'runs', ['loaded runs have a value', 'Took']);
await look(`/runs/${run}`, 'run', ['Params', 'train/loss', 'Artifacts', 'fettle pipeline run']);
await look(`/compare?runs=${run},${other}`, 'compare', ['2 runs compared', 'Metrics, latest', 'as_of']);
await look('/models', 'models', ['flights', 'champion']);
await look('/models/flights', 'model', ['champion', 'models:/flights@']);

const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: 'light' });
const page = await open(context, '/');
const firstPaint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);

// Keys.
await page.keyboard.press('?');
await page.getByText('Keys and words').waitFor();
await page.screenshot({ path: join(folder, 'help.png') });
await page.keyboard.press('Escape');
await page.getByText('Keys and words').waitFor({ state: 'hidden' });
await page.keyboard.press('/');
await page.getByPlaceholder('An endpoint').fill('rollout version 2');
await page.screenshot({ path: join(folder, 'search.png') });
await page.keyboard.press('Enter');
await page.waitForURL(`**/rollouts/${rollout.id}`);
await page.locator('h1', { hasText: 'Version 2 against version 1' }).waitFor();
await page.keyboard.press('g');
await page.keyboard.press('h');
await page.waitForURL(`${base}/`);

// A picked window is in the address, so that it can be shared.
await page.goto(`${base}/endpoints/flights`);
await page.locator('.chart canvas').first().waitFor();
await page.getByText('← Before').click();
await page.waitForURL(/window=2001-\d\d-\d\d/);

// Another's command shows without reloading.
await page.goto(`${base}/rollouts/${rollout.id}`);
await page.getByText('running', { exact: true }).waitFor();
await page.locator('.live-live').waitFor();
await api(`/rollouts/${rollout.id}/hold`, { actor: 'ada', reason: 'to have a look' });
await page.getByText('held', { exact: true }).waitFor();

// What will happen is said before it is done, and who did it after.
await page.getByRole('button', { name: 'Promote…' }).click();
const dialog = page.getByRole('dialog');
await dialog.getByText('all traffic of flights goes to version 2').waitFor();
await dialog.getByLabel('Your name').fill('tester');
await dialog.getByLabel('Why').fill('the browser said so');
await page.screenshot({ path: join(folder, 'confirm.png') });
await accessible(page, 'confirm');
await dialog.getByRole('button', { name: 'Promote version 2' }).click();
await page.getByText('promoted', { exact: true }).waitFor();
await page.getByText('by tester').waitFor();
await page.screenshot({ path: join(folder, 'promoted.png'), fullPage: true });

// A wrong filter is said at its field; a head that is clicked orders; chosen runs are compared.
await page.goto(`${base}/experiments/${experiment}`);
await page.getByLabel('Filter', { exact: true }).fill('metrics.auc > 1 OR metrics.auc < 0');
await page.keyboard.press('Enter');
await page.getByText(/Invalid clause/).first().waitFor();
await page.getByText('All runs').click();
await page.getByRole('button', { name: 'Started' }).click();
await page.waitForURL(/order=attributes.start_time/);
for (const box of await page.locator('.grid tbody input').all()) await box.check();
await page.getByRole('button', { name: 'Compare' }).click();
await page.getByText('2 runs compared').waitFor();

// An artifact opens; what the client prints as a run's address leads to the run.
await page.goto(`${base}/#/experiments/${experiment}/runs/${run}`);
await page.waitForURL(`${base}/runs/${run}`);
await page.locator('.files .link').first().click();
await page.locator('.file').waitFor();
await page.screenshot({ path: join(folder, 'artifact.png'), fullPage: true });

// An alias moves, and says before from where to where.
await page.goto(`${base}/models/flights`);
await page.getByRole('button', { name: 'Alias…' }).last().click();
await dialog.getByLabel('Alias').fill('fallback');
await dialog.getByText('fallback is new').waitFor();
await dialog.getByRole('button', { name: 'Move it' }).click();
await page.locator('.alias', { hasText: 'fallback' }).waitFor();

// What is not there is said.
await page.goto(`${base}/rollouts/none`);
await page.getByText('There is no rollout “none”.').waitFor();
await page.goto(`${base}/nowhere/at/all`);
await page.getByText('There is no page at this address.').waitFor();

await browser.close();
const unexpected = complaints.filter((line) => !line.startsWith('/rollouts/none') && !/status of 40[04]/.test(line));
assert.deepEqual(unexpected, []);
console.log(JSON.stringify({ first_paint_ms: Math.round(firstPaint) }));
