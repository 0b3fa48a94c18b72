// The artifacts of a run as a tree, and one of them opened: a picture, the beginning of a text, or a link.
import { useState } from 'react';
import * as tracking from '../tracking';
import { Empty, Failed } from '../ui/notes';
import { useArtifacts, useArtifactText } from './data';

const pictures = /\.(png|jpe?g|gif|svg|webp)$/i;
const texts = /(\.(txt|json|ya?ml|csv|tsv|md|py|log|toml|cfg|ini|sql|sh)|(^|\/)MLmodel)$/i;

export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const unit = Math.min(3, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** unit).toPrecision(3)} ${['B', 'kB', 'MB', 'GB'][unit]}`;
}

function Folder({ run, path, open, shown, show }: { run: string; path: string; open: boolean; shown: string; show: (path: string) => void }) {
  const { data, error } = useArtifacts(run, path, open);
  const [opened, setOpened] = useState<Record<string, boolean>>({});
  if (error) return <Failed error={error} />;
  if (!data) return null;
  if (data.length === 0) return <Empty>{path ? 'Empty.' : 'None.'}</Empty>;
  return (
    <ul className="files">
      {data.map((entry) => {
        const name = entry.path.split('/').at(-1);
        if (!entry.is_dir)
          return <li key={entry.path}><button type="button" className="link" aria-current={shown === entry.path || undefined} onClick={() => show(entry.path)}>{name}</button> <span className="quiet">{size(entry.size)}</span></li>;
        const isOpen = opened[entry.path] ?? false;
        return (
          <li key={entry.path}>
            <button type="button" className="link files-folder" aria-expanded={isOpen} onClick={() => setOpened({ ...opened, [entry.path]: !isOpen })}>{isOpen ? '▾' : '▸'} {name}/</button>
            {isOpen && <Folder run={run} path={entry.path} open shown={shown} show={show} />}
          </li>
        );
      })}
    </ul>
  );
}

function Text({ run, path }: { run: string; path: string }) {
  const { data, error } = useArtifactText(run, path);
  if (error) return <Failed error={error} />;
  return <pre className="file-text" tabIndex={0}>{data ?? ''}</pre>;
}

export function Artifacts({ run }: { run: tracking.Run }) {
  const [shown, setShown] = useState('');
  return (
    <section className="panel artifacts">
      <h2>Artifacts</h2>
      <div className="artifacts-columns">
        <Folder run={run.id} path="" open shown={shown} show={setShown} />
        {shown && (
          <div className="file">
            <p><code>{shown}</code> <a href={tracking.artifactAddress(run.id, shown)} download>Download</a></p>
            {pictures.test(shown) ? <img src={tracking.artifactAddress(run.id, shown)} alt={shown} /> : texts.test(shown) ? <Text run={run.id} path={shown} /> : <p className="quiet">No preview of this kind of file.</p>}
          </div>
        )}
      </div>
    </section>
  );
}
