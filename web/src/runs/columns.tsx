// Which columns the table of runs has: chosen by key, kept in the address.
import { Button, Modal, TextInput } from '@mantine/core';
import { useState } from 'react';
import { type Column, columnId, type Kind } from './table';

const names: Record<Kind, string> = { metrics: 'Metrics', params: 'Params', tags: 'Tags' };
const mostShown = 400;

interface Props {
  all: Column[];
  chosen: Column[];
  choose: (columns: Column[] | null) => void; // null: the standard ones
  close: () => void;
}

export function ChooseColumns({ all, chosen, choose, close }: Props) {
  const [words, setWords] = useState('');
  const ids = new Set(chosen.map(columnId));
  const fitting = all.filter((column) => column.key.toLowerCase().includes(words.toLowerCase())).slice(0, mostShown);
  const toggle = (column: Column) => choose(ids.has(columnId(column)) ? chosen.filter((one) => columnId(one) !== columnId(column)) : [...chosen, column]);
  return (
    <Modal opened onClose={close} title="Columns" size="lg">
      <TextInput data-autofocus aria-label="Find a key" placeholder="Find a key" value={words} onChange={(event) => setWords(event.currentTarget.value)} />
      <div className="columns-lists">
        {(['metrics', 'params', 'tags'] as const).map((kind) => {
          const own = fitting.filter((column) => column.kind === kind);
          if (own.length === 0) return null;
          return (
            <fieldset key={kind}>
              <legend>{names[kind]}</legend>
              {own.map((column) => (
                <label key={column.key} className="check">
                  <input type="checkbox" checked={ids.has(columnId(column))} onChange={() => toggle(column)} /> <span>{column.key}</span>
                </label>
              ))}
            </fieldset>
          );
        })}
      </div>
      <div className="confirm-end">
        <Button variant="default" onClick={() => choose(null)}>As at first</Button>
        <Button onClick={close}>Done</Button>
      </div>
    </Modal>
  );
}
