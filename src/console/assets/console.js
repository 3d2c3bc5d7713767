// Everything works without this script. It adds what a page cannot know by itself: what happens meanwhile.
import './keys.js'
import { listen, stopListening } from './live.js'
import { tick } from './time-left.js'

tick()
setInterval(tick, 1000)
listen()
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') listen()
})
// A page that the browser keeps for going back would keep its connection, too.
addEventListener('pagehide', stopListening)
addEventListener('pageshow', ({ persisted }) => persisted && location.reload())
