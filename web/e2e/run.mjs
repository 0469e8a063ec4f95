// The page in the real browser on the real program: what a newcomer does, accessibility, and the budgets of size and time.
// Usage: node e2e/run.mjs [--shot FILE]   (MANGRU: the program; CHROME: the browser)

import { spawn, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const shot = process.argv.includes('--shot') ? process.argv[process.argv.indexOf('--shot') + 1] : null;

/** Compressed sizes in bytes: the first load, and all that the query page loads. */
const FIRST_LOAD_BYTES_MAX = 90_000;
const QUERY_PAGE_BYTES_MAX = 260_000;
const READY_MS_MAX = 30_000;
/** Longest wait for anything on the page. */
const WAIT_MS_MAX = 10_000;

let failures = 0;
async function check(name, body) {
  try {
    await body();
    console.log(`ok   ${name}`);
  } catch (error) {
    failures++;
    console.log(`FAIL ${name}\n     ${String(error?.stack ?? error).replaceAll('\n', '\n     ')}`);
  }
}

function assert(holds, text) {
  if (!holds) throw new Error(text);
}

function program() {
  if (process.env.MANGRU) return process.env.MANGRU;
  const meta = JSON.parse(execFileSync('cargo', ['metadata', '--format-version=1', '--no-deps'], { cwd: root, maxBuffer: 1 << 26 }));
  return join(meta.target_directory, 'debug', 'mangru');
}

function browserPath() {
  const names = ['chromium', 'chromium-browser', 'google-chrome'].flatMap((name) =>
    (process.env.PATH ?? '').split(':').map((dir) => join(dir, name)),
  );
  const found = [process.env.CHROME, ...names].find((path) => path && existsSync(path));
  if (!found) throw new Error('no Chromium found: install one or set CHROME=');
  return found;
}

function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

async function until(what, ms, probe) {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    if (await probe().catch(() => false)) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${what}: not within ${ms} ms`);
}

const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const data = mkdtempSync(join(tmpdir(), 'mangru-e2e-'));
const config = join(here, 'mangru.yml');
const text = readFileSync(config, 'utf8').replaceAll('PORT', String(port));
writeFileSync(join(data, 'mangru.yml'), text);
const server = spawn(
  program(),
  ['server', `--config.file=${join(data, 'mangru.yml')}`, `--web.listen-address=127.0.0.1:${port}`, `--storage.tsdb.path=${join(data, 'data')}`],
  { stdio: ['ignore', 'pipe', 'pipe'] },
);
let log = '';
server.stderr.on('data', (chunk) => (log += chunk));
server.stdout.on('data', (chunk) => (log += chunk));
let browser;
try {
  await until('the server is ready', READY_MS_MAX, async () => (await fetch(`${url}/-/ready`)).ok);
  await until('a first scrape is stored', READY_MS_MAX, async () => {
    const answer = await (await fetch(`${url}/api/v1/query?query=up`)).json();
    return answer.data.result.some((one) => one.value[1] === '1');
  });
  browser = await chromium.launch({
    executablePath: browserPath(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
  await scenarios(browser);
} catch (error) {
  failures++;
  console.log(`FAIL ${error?.stack ?? error}\n--- the server's log\n${log.slice(-4000)}`);
} finally {
  await browser?.close();
  server.kill('SIGTERM');
  await new Promise((done) => server.once('exit', done));
  rmSync(data, { recursive: true, force: true });
}
console.log(failures === 0 ? 'browser: all well' : `browser: ${failures} failed`);
process.exit(failures === 0 ? 0 : 1);

async function scenarios(chrome) {
  const context = await chrome.newContext({ viewport: { width: 1280, height: 820 }, locale: 'en-GB', colorScheme: 'light' });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS_MAX);
  const complaints = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));

  await check('the root leads to the query page', async () => {
    await page.goto(url);
    await page.waitForSelector('.cm-content');
    assert(new URL(page.url()).pathname === '/query', page.url());
  });

  await check('a typed expression is completed, run, and shown as a table', async () => {
    await page.click('.cm-content');
    await page.keyboard.type('process_cpu_sec', { delay: 20 });
    await page.waitForSelector('.cm-tooltip-autocomplete li');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('up');
    await page.keyboard.press('Escape');
    await page.click('button.primary');
    await page.waitForSelector('table.result tbody tr');
    const row = await page.textContent('table.result tbody tr');
    assert(row.includes('up') && /1\s*$/.test(row.trim()), row);
    assert(page.url().includes('g0.expr=up'), page.url());
  });

  await check('the same URL shows the same graph', async () => {
    await until('two scrapes', READY_MS_MAX, async () => {
      const answer = await (await fetch(`${url}/api/v1/query?query=count_over_time(up[1m])`)).json();
      return answer.data.result.some((one) => Number(one.value[1]) > 2);
    });
    await page.goto(`${url}/query?g0.expr=${encodeURIComponent('scrape_samples_scraped')}&g0.tab=graph&g0.range_input=1m`);
    await page.waitForSelector('.chart canvas');
    await page.waitForSelector('.legend li');
    const label = await page.getAttribute('.chart [role=img]', 'aria-label');
    assert(/\d+ series/.test(label), label);
    const painted = await page.evaluate(() => {
      const canvas = document.querySelector('.chart canvas');
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      let coloured = 0;
      for (let i = 0; i < pixels.length; i += 4) {
        if (pixels[i + 3] > 0 && Math.max(pixels[i], pixels[i + 1], pixels[i + 2]) - Math.min(pixels[i], pixels[i + 1], pixels[i + 2]) > 60) coloured++;
      }
      return coloured;
    });
    assert(painted > 50, `${painted} coloured pixels`);
  });

  await check('a wrong expression says where and why', async () => {
    complaints.length = 0;
    await page.goto(`${url}/query?g0.expr=${encodeURIComponent('rate(up)')}`);
    const shown = await page.textContent('[role=alert]');
    assert(shown.includes('parse error') && shown.includes('range vector'), shown);
    complaints.length = 0; // The browser reports the 400 itself.
  });

  await check('hostile names are text', async () => {
    await page.goto(`${url}/query?g0.expr=${encodeURIComponent('label_replace(vector(1), "x", "<img src=x onerror=alert(1)>", "", "")')}`);
    await page.waitForSelector('table.result tbody tr');
    assert((await page.$('table.result img')) === null, 'an element was made of a label');
  });

  await check('the targets page shows health and labels', async () => {
    await page.click('nav a[href$="targets"]');
    await page.waitForSelector('.badge.good');
    assert((await page.textContent('main')).includes(`127.0.0.1:${port}`), 'no address');
    await page.waitForSelector('.reason pre');
    assert((await page.textContent('.reason pre')).length > 10, 'a failed target gives no reason');
  });

  await check('the status page shows configuration and head', async () => {
    await page.click('nav a[href$="status"]');
    await page.waitForSelector('pre.code');
    assert((await page.textContent('pre.code')).includes('scrape_configs'), 'no configuration');
  });

  await check('the back button goes back', async () => {
    await page.goBack();
    await page.waitForSelector('.pool');
  });

  await check('no complaints in the console', async () => assert(complaints.length === 0, complaints.join('\n')));
  await context.close();

  for (const theme of ['light', 'dark']) {
    for (const lang of ['en', 'ko']) {
      await check(`axe finds nothing serious: ${theme}, ${lang}`, () => accessible(chrome, theme, lang));
    }
  }
  await check('sizes stay in their budgets', sizes);
  if (shot) await screenshot(chrome);
}

async function accessible(chrome, theme, lang) {
  const context = await chrome.newContext({ colorScheme: theme, bypassCSP: true, viewport: { width: 1280, height: 820 } });
  const page = await context.newPage();
  const axe = readFileSync(join(here, '..', 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
  const bad = [];
  for (const place of ['query', 'query?g0.expr=up&g0.tab=graph&g0.range_input=5m', 'query?g0.expr=up', 'query?g0.expr=rate(up)', 'targets', 'status']) {
    await page.goto(`${url}/${place}${place.includes('?') ? '&' : '?'}lang=${lang}`);
    await page.waitForSelector(place.startsWith('query') ? '.cm-content' : 'h1');
    await page.waitForLoadState('networkidle');
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }));
    for (const one of violations.filter((violation) => ['serious', 'critical'].includes(violation.impact))) {
      bad.push(`${place}: ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
    }
  }
  await context.close();
  assert(bad.length === 0, bad.join('\n'));
}

/** What the program itself serves: the files that the page names, and all that those load. */
async function sizes() {
  const page = await (await fetch(`${url}/query`)).text();
  const seen = new Map();
  const weigh = async (path) => {
    if (seen.has(path)) return;
    const text = await (await fetch(`${url}/${path}`)).text();
    seen.set(path, gzipSync(text, { level: 9 }).length);
    for (const [, name] of text.matchAll(/["'`](?:\.\/)?(?:assets\/)?([\w-]+-[\w-]{8}\.(?:js|css))["'`]/g)) await weigh(`assets/${name}`);
  };
  const named = [...page.matchAll(/(?:src|href)="\.?\/?(assets\/[^"]+\.(?:js|css))"/g)].map(([, path]) => path);
  for (const path of named) await weigh(path);
  const bytes = (paths) => paths.reduce((sum, path) => sum + seen.get(path), 0);
  const first = bytes(named);
  const all = bytes([...seen.keys()]);
  console.log(`     first load ${first} bytes, query page ${all} bytes (gzip)`);
  assert(first > 0 && first <= FIRST_LOAD_BYTES_MAX, `first load ${first} > ${FIRST_LOAD_BYTES_MAX}`);
  assert(all > first && all <= QUERY_PAGE_BYTES_MAX, `query page ${all} > ${QUERY_PAGE_BYTES_MAX}`);
}

async function screenshot(chrome) {
  const context = await chrome.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto(`${url}/query?g0.expr=${encodeURIComponent('scrape_duration_seconds')}&g0.tab=graph&g0.range_input=1m`);
  await page.waitForSelector('.legend li');
  await page.screenshot({ path: shot });
  await context.close();
}
