// What the other scripts share.

// Markup comes from this console alone, which has escaped whatever is in it; scripts in it would not run.
const policy = globalThis.trustedTypes?.createPolicy('console', { createHTML: (text) => text })
export const trusted = (text) => (policy ? policy.createHTML(text) : text)
export const find = (selector, within = document) => within.querySelector(selector)
export const all = (selector, within = document) => [...within.querySelectorAll(selector)]

export function elementsOf(markup, tag = 'template') {
  const template = document.createElement(tag)
  template.innerHTML = trusted(markup)
  return template.content
}

export function say(text) {
  find('#announce').textContent = text
}
