// The page's words: one catalogue per language with the same keys. A message's `{name}` is replaced by a value.

import { signal } from '@preact/signals';

import en from './locales/en.json';
import ko from './locales/ko.json';

export type Key = keyof typeof en;
export type Lang = 'en' | 'ko';
const CATALOGUES: Record<Lang, Record<Key, string>> = { en, ko };

function firstLang(): Lang {
  const wanted = new URLSearchParams(location.search).get('lang') ?? stored() ?? navigator.language;
  return wanted.startsWith('ko') ? 'ko' : 'en';
}

function stored(): string | null {
  try {
    return localStorage.getItem('mangru.lang');
  } catch {
    return null;
  }
}

export const lang = signal<Lang>(firstLang());
document.documentElement.lang = lang.value;

export function setLang(next: Lang): void {
  lang.value = next;
  document.documentElement.lang = next;
  try {
    localStorage.setItem('mangru.lang', next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

/** The message of `key` in the page's language. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return CATALOGUES[lang.value][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in values ? String(values[name]) : whole,
  );
}

/** A number in the page's language, with its separators. */
export function n(value: number): string {
  return new Intl.NumberFormat(lang.value).format(value);
}
