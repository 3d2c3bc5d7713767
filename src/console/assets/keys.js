// Keys. None of them decides anything: they lead to where it is decided.
import { all, find } from './page.js'

// Who speaks to a computer, or hits keys by accident, can turn them off (WCAG 2.1.4).
let areKeysOn = localStorage.getItem('keys') !== 'off'
const toggle = find('#keys-on')
if (toggle) {
  toggle.checked = areKeysOn
  toggle.closest('[hidden]').hidden = false
  toggle.addEventListener('change', () => {
    areKeysOn = toggle.checked
    localStorage.setItem('keys', areKeysOn ? 'on' : 'off')
  })
}

const places = { i: '/', h: '/history', a: '/agents', p: '/policy', l: '/ledger' }
let isGoing = false

function move(step) {
  const links = all('tr[data-request] a')
  if (links.length === 0) return
  const here = links.findIndex((link) => link.closest('tr').contains(document.activeElement))
  links[
    Math.min(links.length - 1, Math.max(0, here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step))
  ].focus()
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  a: () => find('#approve')?.focus(),
  d: () => (find('#reason') ?? find('#deny'))?.focus(),
  '/': () => find('#search')?.focus(),
  '?': () => location.assign('/help'),
}

document.addEventListener('keydown', (event) => {
  if (!areKeysOn || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
  if (event.target.closest('input, textarea, select')) {
    if (event.key === 'Escape') event.target.blur()
    return
  }
  const { key } = event
  if (isGoing) {
    isGoing = false
    if (Object.hasOwn(places, key)) location.assign(places[key])
    return
  }
  if (key === 'g') {
    isGoing = true
    setTimeout(() => {
      isGoing = false
    }, 1500)
  } else if (Object.hasOwn(keys, key)) {
    event.preventDefault()
    keys[key]()
  }
})
