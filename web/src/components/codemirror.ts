// CodeMirror with PromQL: a chunk of its own, loaded after the first paint.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';

import { base } from '../api';
import type { RichEditor } from './editor';

export interface EditorOptions {
  label: string;
  placeholder: string;
  onChange: (value: string) => void;
  onRun: () => void;
}

const colours = HighlightStyle.define([
  { tag: tags.number, color: 'var(--syntax-number)' },
  { tag: tags.string, color: 'var(--syntax-string)' },
  { tag: tags.keyword, color: 'var(--syntax-keyword)' },
  { tag: tags.function(tags.variableName), color: 'var(--syntax-function)' },
  { tag: tags.labelName, color: 'var(--syntax-label)' },
  { tag: tags.operator, color: 'var(--syntax-keyword)' },
  { tag: tags.modifier, color: 'var(--syntax-keyword)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--bad)' },
]);

const look = EditorView.theme({
  '&': { backgroundColor: 'transparent', color: 'var(--text)', fontSize: '14px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-content': { fontFamily: 'var(--mono)', padding: '8px 0', caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '.cm-matchingBracket': { backgroundColor: 'var(--mark)', outline: 'none' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', color: 'var(--text)', border: '1px solid var(--line)', borderRadius: '6px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '13px', maxHeight: '22em' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-completionDetail': { float: 'right', marginLeft: '1.5em', opacity: '0.75', fontStyle: 'normal' },
  '.cm-completionInfo': { padding: '8px', maxWidth: '36em' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
});

/** Puts an editor into `parent`. Enter runs, Shift+Enter breaks the line; nothing runs while an input method composes. */
export function createEditor(parent: HTMLElement, value: string, options: EditorOptions): RichEditor {
  const promql = new PromQLExtension().activateLinter(true).setComplete({
    remote: { url: base.replace(/\/$/, ''), httpMethod: 'GET' },
  });
  // Only what the user changes is told; a value from outside would come back and forth for ever.
  let setting = false;
  const run = (view: EditorView) => {
    if (view.composing) return false;
    options.onRun();
    return true;
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: value,
      extensions: [
        history(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        syntaxHighlighting(colours),
        look,
        EditorView.lineWrapping,
        placeholder(options.placeholder),
        EditorView.contentAttributes.of({ 'aria-label': options.label }),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
        promql.asExtension(),
        // Completion's own Enter comes first while its list is open.
        Prec.high(keymap.of([{ key: 'Shift-Enter', run: insertNewlineAndIndent }])),
        keymap.of([{ key: 'Enter', run }]),
        Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
        EditorView.domEventHandlers({
          keydown(event, editor) {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return false;
            if (parent.querySelector('.cm-tooltip-autocomplete')) return false;
            event.preventDefault();
            return run(editor);
          },
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !setting) options.onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    setValue(next) {
      const now = view.state.doc.toString();
      if (next === now) return;
      setting = true;
      view.dispatch({ changes: { from: 0, to: now.length, insert: next } });
      setting = false;
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
