// A person who searches at /app/search in Chromium. Prints what they see as one line of JSON.
// Arguments: JSON with chromium, address, login, query, picture (where a screenshot goes; may be missing).
import { pathToFileURL } from "node:url";

const { chromium } = await import(
  pathToFileURL(`${process.env.EXTERNAL_NODE_MODULES}/playwright-core/index.mjs`).href
);
const wanted = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
  executablePath: wanted.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(wanted.address);
  // The identity provider's forms: the login, then maybe its consent.
  for (let form = 0; form < 4 && (await page.locator("input[name=prompt]").count()) > 0; form += 1) {
    if ((await page.locator("input[name=login]").count()) > 0) {
      await page.fill("input[name=login]", wanted.login);
      await page.fill("input[name=password]", "any");
    }
    await Promise.all([page.waitForNavigation(), page.click("button[type=submit]")]);
  }
  complaints.length = 0;
  const arrived = page.url();
  await page.fill("input[name=q]", wanted.query);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  const canvas = page.locator("#map");
  await canvas.waitFor();
  const view = () => canvas.getAttribute("data-view");
  await page.waitForFunction(() => document.getElementById("map").dataset.view);
  const before = await view();
  const inked = await canvas.evaluate((element) => {
    const { data } = element.getContext("2d").getImageData(0, 0, element.width, element.height);
    let count = 0;
    for (let at = 3; at < data.length; at += 4) count += data[at] > 0 ? 1 : 0;
    return count;
  });
  const box = await canvas.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 + 120, box.y + box.height / 2 + 40, { steps: 6 });
  await page.mouse.up();
  await page.waitForFunction((old) => document.getElementById("map").dataset.view !== old, before);
  const turned = await view();
  await page.mouse.wheel(0, -300);
  await page.waitForFunction((old) => document.getElementById("map").dataset.view !== old, turned);
  const zoomed = await view();
  await page.locator(".result").first().hover();
  const hint = await page.locator("#map-hint").textContent();
  if (wanted.picture) {
    await page.screenshot({ path: `${wanted.picture}-desktop.png` });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: `${wanted.picture}-phone.png` });
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  console.log(
    JSON.stringify({
      arrived,
      titles: await page.locator(".result h2").allTextContents(),
      links: await page.locator(".result h2 a").evaluateAll((links) => links.map((link) => link.href)),
      marks: await page.locator("mark").allTextContents(),
      inked,
      before,
      turned,
      zoomed,
      hint,
      wide,
      complaints,
    }),
  );
} finally {
  await browser.close();
}
