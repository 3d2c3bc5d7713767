import { html as tagged } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'

/** Markup in which everything that was put in has been escaped. */
export type Html = HtmlEscapedString

/** What may stand in a hole. No promises: a page is whole before its first byte is sent, or in parts on purpose. */
type Hole = Html | string | number | false | undefined | readonly Hole[]

/** Escapes every hole. Attribute values are quoted, always: an unquoted one would end at the first space. */
export const html = (strings: TemplateStringsArray, ...holes: Hole[]): Html =>
  tagged(strings, ...holes) as Html

/** An attribute without a value, there or not. */
export const flag = (name: 'checked' | 'open' | 'selected' | 'hidden', isSet: boolean): Html =>
  isSet ? FLAGS[name] : NOTHING

export const NOTHING = html``
const FLAGS = { checked: html` checked`, open: html` open`, selected: html` selected`, hidden: html` hidden` }
