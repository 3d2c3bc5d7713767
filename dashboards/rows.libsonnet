// Rows of panels, from the top: each panel stands right of the one before it and below the row before.
{
  // `panels` with `width` (of 24 in all) and `height`, which the row takes from its highest.
  row(id, title, panels): { id: id, title: title, panels: panels },

  place(rows): std.foldl(function(done, row) placeRow(done, row), rows, { y: 0, panels: [] }).panels,

  local placeRow(done, row) =
    local heading = {
      id: row.id,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y: done.y, w: 24, h: 1 },
    };
    local placed = std.foldl(
      function(line, panel)
        local wraps = line.x + panel.width > 24;
        local x = if wraps then 0 else line.x;
        local y = if wraps then line.bottom else line.y;
        {
          x: x + panel.width,
          y: y,
          bottom: std.max(line.bottom, y + panel.height),
          panels: line.panels + [panel { gridPos: { x: x, y: y, w: panel.width, h: panel.height } }],
        },
      row.panels,
      { x: 0, y: done.y + 1, bottom: done.y + 1, panels: [] }
    );
    { y: placed.bottom, panels: done.panels + [heading] + placed.panels },
}
