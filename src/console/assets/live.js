// What happens meanwhile, as the console sends it.
import { all, elementsOf, find, say, trusted } from './page.js'
import { tick } from './time-left.js'

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
export function listen() {
  const address = document.body.dataset.live
  if (!address || source) return
  source = new EventSource(address)
  source.addEventListener('row', ({ data }) => onRow(JSON.parse(data)))
  source.addEventListener('status', ({ data }) => onStatus(JSON.parse(data)))
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
export function stopListening() {
  source?.close()
  source = undefined
  document.body.classList.remove('is-live')
}
