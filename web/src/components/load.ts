// Data of a page that is asked for again and again while the page is seen.

import { useEffect, useState } from 'preact/hooks';

/** The newest answer of `fetcher`, asked every `everyMs` while the tab is visible (0: once). Failures keep the last data. */
export function useLoad<T>(fetcher: (signal: AbortSignal) => Promise<T>, everyMs: number): { data: T | null; error: unknown } {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const abort = new AbortController();
    const load = () => {
      if (document.hidden) return;
      fetcher(abort.signal).then(
        (next) => {
          setData(next);
          setError(null);
        },
        (reason: unknown) => {
          if (!abort.signal.aborted) setError(reason);
        },
      );
    };
    load();
    const timer = everyMs > 0 ? setInterval(load, everyMs) : undefined;
    document.addEventListener('visibilitychange', load);
    return () => {
      abort.abort();
      clearInterval(timer);
      document.removeEventListener('visibilitychange', load);
    };
  }, []);
  return { data, error };
}
