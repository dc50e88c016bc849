"use strict";
// The results as points in space. Coordinates stand in the page: data-point of each result, data-query of the canvas.
(() => {
  const canvas = document.getElementById("map");
  const context = canvas && canvas.getContext("2d");
  if (!context) return;
  const hint = document.getElementById("map-hint");
  const usualHint = hint.textContent;
  const colors = ["#0a72c4", "#c2410c", "#15803d", "#9333ea", "#b45309", "#be185d"];
  const types = [];
  const place = (text) => {
    const numbers = (text || "").split(",").map(Number);
    return numbers.length === 3 && numbers.every(Number.isFinite) ? numbers : null;
  };
  const points = [];
  for (const result of document.querySelectorAll(".result[data-point]")) {
    const at = place(result.dataset.point);
    if (!at) continue;
    if (!types.includes(result.dataset.type)) types.push(result.dataset.type);
    const title = result.querySelector("a").textContent;
    points.push({ at, result, label: result.dataset.number, title, color: colors[types.indexOf(result.dataset.type) % colors.length] });
  }
  const query = place(canvas.dataset.query);
  if (query) points.push({ at: query, label: "?", title: "Your words", isQuery: true });
  // Centered, and the farthest point at distance 1.
  const middle = [0, 1, 2].map((axis) => points.reduce((sum, point) => sum + point.at[axis], 0) / points.length);
  for (const point of points) point.at = point.at.map((value, axis) => value - middle[axis]);
  const farthest = Math.max(1e-9, ...points.map((point) => Math.hypot(...point.at)));
  for (const point of points) point.at = point.at.map((value) => value / farthest);

  let yaw = 0.6, pitch = 0.35, zoom = 1, chosen = null, drawing = false;
  const project = ([x, y, z], width, height) => {
    const turnedX = x * Math.cos(yaw) + z * Math.sin(yaw);
    const away = z * Math.cos(yaw) - x * Math.sin(yaw);
    const turnedY = y * Math.cos(pitch) - away * Math.sin(pitch);
    const depth = y * Math.sin(pitch) + away * Math.cos(pitch);
    const scale = (Math.min(width, height) * 0.42 * zoom * 3) / (3 + depth);
    return { x: width / 2 + turnedX * scale, y: height / 2 - turnedY * scale, depth };
  };
  // All points in view at the start, and as far apart as that allows.
  const fit = () => {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    const reach = (point) => {
      const { x, y } = project(point.at, width, height);
      return Math.max(Math.abs(x - width / 2) / width, Math.abs(y - height / 2) / height) / 0.44;
    };
    zoom = Math.max(0.5, Math.min(2, 1 / Math.max(0.1, ...points.map(reach))));
  };
  const dot = points.length > 12 ? 8 : 10;
  const draw = () => {
    drawing = false;
    const width = canvas.clientWidth, height = canvas.clientHeight, ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const text = style.color, line = style.getPropertyValue("--line");
    context.strokeStyle = line;
    for (const axis of [[1, 0, 0], [0, 1, 0], [0, 0, 1]]) {
      const from = project(axis.map((value) => -value), width, height), to = project(axis, width, height);
      context.beginPath();
      context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
      context.stroke();
    }
    for (const point of points) point.seen = project(point.at, width, height);
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const point of [...points].sort((one, other) => other.seen.depth - one.seen.depth)) {
      const { x, y, depth } = point.seen;
      const size = (point === chosen ? dot + 3 : dot) * (1 - 0.25 * depth);
      context.globalAlpha = point === chosen ? 1 : 0.9 - 0.25 * depth;
      context.beginPath();
      if (point.isQuery) context.rect(x - size, y - size, 2 * size, 2 * size);
      else context.arc(x, y, size, 0, 2 * Math.PI);
      context.fillStyle = point.isQuery ? text : point.color;
      context.fill();
      context.fillStyle = point.isQuery ? style.backgroundColor : "#fff";
      context.font = `600 ${Math.round(size)}px system-ui, sans-serif`;
      context.fillText(point.label, x, y);
    }
    context.globalAlpha = 1;
    // For tests and curious people.
    canvas.dataset.view = `${yaw.toFixed(2)},${pitch.toFixed(2)},${zoom.toFixed(2)}`;
  };
  const redraw = () => {
    if (!drawing) {
      drawing = true;
      requestAnimationFrame(draw);
    }
  };
  const nearest = (event) => {
    const box = canvas.getBoundingClientRect();
    let best = null, distance = 18;
    for (const point of points) {
      const away = Math.hypot(point.seen.x - (event.clientX - box.left), point.seen.y - (event.clientY - box.top));
      if (away < distance) [best, distance] = [point, away];
    }
    return best;
  };
  const choose = (point) => {
    if (point === chosen) return;
    if (chosen && chosen.result) chosen.result.classList.remove("chosen");
    chosen = point;
    if (chosen && chosen.result) chosen.result.classList.add("chosen");
    hint.textContent = chosen ? `${chosen.label}: ${chosen.title}` : usualHint;
    redraw();
  };
  const turn = (across, down) => {
    yaw += across;
    pitch = Math.max(-1.5, Math.min(1.5, pitch + down));
    redraw();
  };
  const closer = (factor) => {
    zoom = Math.max(0.5, Math.min(6, zoom * factor));
    redraw();
  };
  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, moved: 0 };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return choose(nearest(event));
    const across = event.clientX - held.x, down = event.clientY - held.y;
    held = { x: event.clientX, y: event.clientY, moved: held.moved + Math.hypot(across, down) };
    turn(across * 0.01, down * 0.01);
  });
  canvas.addEventListener("pointerup", (event) => {
    const clicked = held && held.moved < 4 ? nearest(event) : null;
    held = null;
    choose(clicked);
    if (clicked && clicked.result) {
      clicked.result.scrollIntoView({ block: "center" });
      clicked.result.focus({ preventScroll: true });
    }
  });
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("pointerleave", () => { if (!held) choose(null); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    closer(Math.exp(-event.deltaY * 0.001));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const keys = {
      ArrowLeft: () => turn(-0.1, 0), ArrowRight: () => turn(0.1, 0),
      ArrowUp: () => turn(0, -0.1), ArrowDown: () => turn(0, 0.1),
      "+": () => closer(1.1), "-": () => closer(1 / 1.1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const point of points) {
    if (!point.result) continue;
    point.result.addEventListener("pointerenter", () => choose(point));
    point.result.addEventListener("pointerleave", () => choose(null));
  }
  new ResizeObserver(redraw).observe(canvas);
  fit();
  redraw();
})();
