// Errors and the server's remarks on an answer.

import { ApiError } from '../api';
import { t } from '../i18n';

export function ErrorBox({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const api = error instanceof ApiError ? error : null;
  return (
    <div class="box bad" role="alert">
      <b>{api ? api.kind : t('error.title')}</b>
      <pre>{api ? api.message : t('error.offline')}</pre>
      {onRetry && (
        <button type="button" class="quiet" onClick={onRetry}>
          {t('error.retry')}
        </button>
      )}
    </div>
  );
}

export function Remarks({ warnings, infos }: { warnings: string[]; infos: string[] }) {
  return (
    <>
      {warnings.map((text) => (
        <p key={text} class="box warn">
          {text}
        </p>
      ))}
      {infos.map((text) => (
        <p key={text} class="box info">
          {text}
        </p>
      ))}
    </>
  );
}
