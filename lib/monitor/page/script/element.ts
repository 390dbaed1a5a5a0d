type Attributes = Readonly<Record<string, string | number | boolean>>
type Child = Node | string

/** Makes an element. Children that are strings become text, never markup. */
export function element<Name extends keyof HTMLElementTagNameMap> (name: Name, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[Name] {
  return fill(document.createElement(name), attributes, children)
}

/** Makes an element of SVG. */
export function svg<Name extends keyof SVGElementTagNameMap> (name: Name, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[Name] {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children)
}

function fill<Made extends Element> (made: Made, attributes: Attributes, children: readonly Child[]): Made {
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value)
  made.append(...children)
  return made
}

/** Sets an attribute, if it is not so already. `true` is an empty attribute, and `false` none. */
export function setAttribute (target: Element, name: string, value: string | number | boolean): void {
  if (value === false) return target.removeAttribute(name)
  const text = value === true ? '' : String(value)
  if (target.getAttribute(name) !== text) target.setAttribute(name, text)
}

/** Sets a text, if it is not so already: what is selected or read out is left alone. */
export function setText (target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/** The element of the page with this id. */
export function byId<Kind extends HTMLElement = HTMLElement> (id: string): Kind {
  return document.getElementById(id) as Kind
}

/** A name or message of somebody else: its direction is its own, and does not turn the text around it. */
export function foreign (text: string): HTMLElement {
  return element('bdi', {}, text)
}
