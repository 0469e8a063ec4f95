// The expression editor: a plain text area at once, CodeMirror with PromQL's completion and lint as soon as it is loaded.

import { useEffect, useRef, useState } from 'preact/hooks';

import { t } from '../i18n';

export interface EditorProps {
  value: string;
  onChange: (value: string) => void;
  onRun: () => void;
}

/** The part of the lazily loaded editor that the page uses. */
export interface RichEditor {
  setValue(value: string): void;
  focus(): void;
  destroy(): void;
}

export function Editor(props: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const rich = useRef<RichEditor | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [loaded, setLoaded] = useState(false);
  // What was typed and has not come back as a prop yet: it must not be written over newer typing.
  const typed = useRef<string[]>([]);

  useEffect(() => {
    let gone = false;
    void import('./codemirror').then(({ createEditor }) => {
      if (gone || !place.current) return;
      const hadFocus = place.current.parentElement?.contains(document.activeElement) ?? false;
      rich.current = createEditor(place.current, latest.current.value, {
        label: t('query.label'),
        placeholder: t('query.placeholder'),
        onChange: (value) => {
          typed.current.push(value);
          latest.current.onChange(value);
        },
        onRun: () => latest.current.onRun(),
      });
      if (hadFocus) rich.current.focus();
      setLoaded(true);
    });
    return () => {
      gone = true;
      rich.current?.destroy();
      rich.current = null;
    };
  }, []);

  useEffect(() => {
    const at = typed.current.indexOf(props.value);
    if (at >= 0) typed.current.splice(0, at + 1);
    else {
      typed.current.length = 0;
      rich.current?.setValue(props.value);
    }
  }, [props.value]);

  return (
    <div class="editor">
      <div ref={place} />
      {!loaded && (
        <textarea
          rows={1}
          aria-label={t('query.label')}
          placeholder={t('query.placeholder')}
          spellcheck={false}
          value={props.value}
          onInput={(event) => props.onChange(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            props.onRun();
          }}
        />
      )}
    </div>
  );
}
