import { parse } from 'node-html-parser'
import { CookieJar } from 'tough-cookie'

// A Browser is a user agent without scripts: it keeps cookies, follows redirects, and
// fills in the forms of the provider.
export class Browser {
  #cookies = new CookieJar()
  #user
  #deny

  // user has a username and a password; deny is the id of the form at which the user says no.
  constructor(user, deny) {
    this.#user = user
    this.#deny = deny
  }

  async #load(url, init = {}) {
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { cookie: await this.#cookies.getCookieString(url.href) },
    })
    for (const cookie of response.headers.getSetCookie()) {
      await this.#cookies.setCookie(cookie, url.href)
    }
    return response
  }

  // What the user does with a form: its fields, and the first button or the one that
  // says no.
  #fill(form) {
    const body = new URLSearchParams()
    for (const input of form.querySelectorAll('input')) {
      const name = input.getAttribute('name')
      if (input.getAttribute('type') === 'checkbox' && !input.hasAttribute('checked')) continue
      body.append(name, this.#user[name] ?? input.getAttribute('value') ?? '')
    }
    const buttons = form.querySelectorAll('button[name]')
    const button = form.id === this.#deny ? buttons.find((b) => b.getAttribute('value') === 'deny') : buttons[0]
    if (button) body.append(button.getAttribute('name'), button.getAttribute('value'))
    return body
  }

  // visit goes from url to where the provider sends the user in the end: the URL of a
  // redirect, the Request of a form that is posted elsewhere, or the id of the headline
  // of a last page.
  async visit(url) {
    const { origin } = url
    let response = await this.#load(url)
    for (let steps = 0; steps < 10; steps++) {
      if (response.status >= 300 && response.status < 400) {
        url = new URL(response.headers.get('location'), url)
        if (url.origin !== origin) return url
        response = await this.#load(url)
        continue
      }
      const page = parse(await response.text())
      const form = page.querySelector('form')
      if (!form) {
        const error = page.querySelector('#error')
        if (error) throw new Error(`the provider shows an error: ${error.text}`)
        return page.querySelector('h1').id
      }
      url = new URL(form.getAttribute('action'), url)
      const post = { method: 'POST', body: this.#fill(form) }
      if (url.origin !== origin) return new Request(url, post)
      response = await this.#load(url, post)
    }
    throw new Error('the pages do not end')
  }
}
