// Everything works without this script. It adds what a page cannot know by itself: what happens meanwhile.

// Markup comes from this console alone, which has escaped whatever is in it; scripts in it would not run.
const policy = globalThis.trustedTypes?.createPolicy('console', { createHTML: (text) => text })
const trusted = (text) => (policy ? policy.createHTML(text) : text)
const find = (selector, within = document) => within.querySelector(selector)
const all = (selector, within = document) => [...within.querySelectorAll(selector)]

function elementsOf(markup, tag = 'template') {
  const template = document.createElement(tag)
  template.innerHTML = trusted(markup)
  return template.content
}

function say(text) {
  find('#announce').textContent = text
}

// Times left count down.

function leftText(ms) {
  if (ms <= 0) return 'no time left'
  const seconds = Math.ceil(ms / 1000)
  const parts = [
    [Math.floor(seconds / 86400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([value]) => value > 0)
  return `${parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ')} left`
}

function untilText(ms) {
  return ms <= 0 ? 'now' : `in ${leftText(ms).replace(/ left$/, '')}`
}

function tick() {
  for (const time of all('time[data-in]')) {
    const text = untilText(Date.parse(time.dateTime) - Date.now())
    if (time.textContent !== text) time.textContent = text
  }
  for (const time of all('time[data-left]')) {
    const ms = Date.parse(time.dateTime) - Date.now()
    const text = leftText(ms)
    if (time.textContent !== text) time.textContent = text
    time.classList.toggle('soon', ms < 120_000)
  }
}

// What happens meanwhile, as the console sends it.

const plainTitle = document.title.replace(/^\(\d+\) /, '')
function setCount(name, change) {
  const counter = find(`[data-count="${name}"]`)
  if (!counter) return
  const count = Math.max(0, Number(counter.textContent) + change)
  counter.textContent = String(count)
  if (name === 'mine') document.title = count > 0 ? `(${count}) ${plainTitle}` : plainTitle
}

function showEmpty() {
  for (const list of all('section.list')) {
    const empty = find('.empty', list)
    if (empty) empty.hidden = find('tr.waits, tr.is-over', find('tbody', list) ?? list) !== null
  }
}

function onRow({ id, html, isMine, isPending, isNew, say: words }) {
  const row = elementsOf(html).firstElementChild
  const old = find(`tr[data-request="${CSS.escape(id)}"]`)
  if (old) {
    const wasPending = old.classList.contains('waits')
    const wasMine = old.closest('[data-rows="mine"]') !== null
    const hadFocus = old.contains(document.activeElement)
    old.replaceWith(row)
    if (hadFocus) find('a', row).focus()
    if (wasPending && !isPending) {
      setCount('all', -1)
      if (wasMine) setCount('mine', -1)
      say(words)
    } else if (isPending && isMine && !wasMine && find('[data-rows="mine"]')) {
      // Whoever joins later finds it among what is theirs from then on.
      find('[data-rows="mine"] tbody').append(row)
      setCount('mine', 1)
      say(words)
    }
  } else if (isPending && isNew) {
    const table = (isMine && find('[data-rows="mine"]')) || find('[data-rows="others"]')
    row.classList.add('is-new')
    // A list that grows without end would make the page slow; what does not fit is on the next one.
    if (table && all('tr.waits', table).length < 100) find('tbody', table).append(row)
    setCount('all', 1)
    if (isMine) setCount('mine', 1)
    say(words)
  }
  showEmpty()
  tick()
}

async function onStatus({ html, isPending, say: words }) {
  find('#status').replaceChildren(elementsOf(html))
  tick()
  say(words)
  const form = find('form.review')
  // What somebody has typed stays; that it comes too late is said where they are about to press.
  if (form && !isPending) for (const button of all('button', form)) button.disabled = true
  await refresh(isPending ? ['timeline'] : ['timeline', 'trace', ...(hasWords() ? [] : ['decide'])])
}

function onAlarm({ id, html, say: words }) {
  const box = find('#alarms')
  if (box && !find(`[data-alarm="${CSS.escape(id)}"]`, box)) {
    find('ul', box).prepend(elementsOf(html))
    box.hidden = false
  }
  say(words)
  // What is frozen stands on every page.
  refresh(['frozen'])
}

const hasWords = () => (find('#reason')?.value ?? '').trim() !== ''

/** The same page once more, and out of it the parts with these ids. */
async function refresh(ids) {
  // Fails where somebody is on the way to another page already, or the line is cut: then the page stays as it is.
  const response = await fetch(location.href).catch(() => undefined)
  const markup = response?.ok && !response.redirected && (await response.text().catch(() => ''))
  if (!markup) return
  const page = new DOMParser().parseFromString(trusted(markup), 'text/html')
  for (const id of ids) {
    const [here, there] = [document.getElementById(id), page.getElementById(id)]
    if (here && there && !here.contains(document.activeElement)) here.replaceWith(document.adoptNode(there))
  }
  tick()
}

let source
function listen() {
  const address = document.body.dataset.live
  if (!address || source) return
  source = new EventSource(address)
  source.addEventListener('row', ({ data }) => onRow(JSON.parse(data)))
  source.addEventListener('status', ({ data }) => onStatus(JSON.parse(data)))
  source.addEventListener('alarm', ({ data }) => onAlarm(JSON.parse(data)))
  source.addEventListener('ready', () => {
    document.body.classList.add('is-live')
  })
  // Too much has happened since: it is only in the page itself.
  source.addEventListener('stale', () => {
    if (!hasWords()) location.reload()
  })
  source.addEventListener('error', () => {
    document.body.classList.remove('is-live')
    // Refused, not cut: the browser does not ask again, so it is asked when the page is looked at.
    if (source?.readyState === EventSource.CLOSED) source = undefined
  })
  source.addEventListener('replaced', stopListening)
  source.addEventListener('signed-out', () => {
    stopListening()
    say('You have been signed out.')
  })
}
function stopListening() {
  source?.close()
  source = undefined
  document.body.classList.remove('is-live')
}

// Keys. None of them decides anything: they lead to where it is decided.

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

const places = {
  i: '/',
  h: '/history',
  w: '/actions',
  v: '/violations',
  a: '/agents',
  p: '/policy',
  l: '/ledger',
}
let isGoing = false

function move(step) {
  const links = all('tr[data-request] a, tr[data-row] .record li:first-child a')
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

tick()
setInterval(tick, 1000)
listen()
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') listen()
})
// A page that the browser keeps for going back would keep its connection, too.
addEventListener('pagehide', stopListening)
addEventListener('pageshow', ({ persisted }) => persisted && location.reload())
