// Ids and commands that are one click from the clipboard.
import { CopyButton, Tooltip } from '@mantine/core';

export function Copyable({ text, shown, label }: { text: string; shown?: string; label?: string }) {
  return (
    <CopyButton value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : `Copy ${label ?? 'it'}`}>
          <button type="button" className="copy" onClick={copy} aria-label={`Copy ${label ?? text}`}>
            <code>{shown ?? text}</code>
            <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden>
              {copied ? <path d="M2 6.5l2.6 2.6L10 3.4" /> : <path d="M4 4h6v6.5H4zM2 8V1.5h6" />}
            </svg>
          </button>
        </Tooltip>
      )}
    </CopyButton>
  );
}

export function Command({ text, label }: { text: string; label?: string }) {
  return (
    <div className="command">
      <Copyable text={text} label={label ?? 'the command'} />
    </div>
  );
}
