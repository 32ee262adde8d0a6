"use strict";
(() => {
  const root = document.documentElement;
  const toggle = document.getElementById("toggle");
  const drawing = JSON.parse(document.getElementById("drawing").textContent);
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const small = window.matchMedia("(max-width: 560px)");
  const config = {
    displaylogo: false,
    responsive: true,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
  };

  const theme = () => root.dataset.theme || (prefersDark.matches ? "dark" : "light");

  // "yaxis.ticktext" in a tree of plain objects
  const put = (tree, path, value) => {
    const steps = path.split(".");
    const last = steps.pop();
    let place = tree;
    for (const step of steps) {
      place[step] = place[step] || {};
      place = place[step];
    }
    place[last] = value;
  };

  const layoutOf = (chart) => {
    const layout = structuredClone(chart.layout);
    const special = small.matches ? chart.narrow : chart.wide;
    for (const path of Object.keys(special)) put(layout, path, structuredClone(special[path]));
    layout.template = structuredClone(drawing.themes[theme()]);
    // a finger on a chart scrolls the page
    if (small.matches) layout.dragmode = false;
    return layout;
  };

  const draw = () => {
    toggle.textContent = theme() === "dark" ? "Light" : "Dark";
    return Promise.all(drawing.charts.map((chart) => {
      const place = document.getElementById(chart.id);
      const layout = layoutOf(chart);
      place.style.minHeight = layout.height + "px";
      const shown = Object.assign({}, config, { displayModeBar: small.matches ? false : "hover" });
      return Plotly.react(place, structuredClone(chart.data), layout, shown);
    }));
  };

  const redraw = () => {
    root.removeAttribute("data-drawn");
    draw().then(() => root.setAttribute("data-drawn", theme()));
  };

  toggle.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    redraw();
  });
  prefersDark.addEventListener("change", redraw);
  small.addEventListener("change", redraw);
  redraw();
})();
