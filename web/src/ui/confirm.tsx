// Asks once before something changes the world: what will happen, how it is undone, who does it and why.
import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { actor as rememberedActor, setActor } from '../data';
import type { Consequence } from '../words';
import { sentence } from '../words';
import { Command } from './copy';

interface Props {
  consequence: Consequence;
  shell: (actor: string, reason: string) => string; // the same on the command line
  act: (actor: string, reason: string) => Promise<unknown>;
  close: () => void;
  asksReason?: boolean;
  children?: React.ReactNode;
}

export function Confirm({ consequence, shell, act, close, asksReason = true, children }: Props) {
  const client = useQueryClient();
  const [who, setWho] = useState(rememberedActor);
  const [reason, setReason] = useState('');
  const action = useMutation({
    mutationFn: () => {
      setActor(who);
      return act(who || 'page', reason);
    },
    onSuccess: () => {
      void client.invalidateQueries();
      close();
    },
  });
  return (
    <Modal opened onClose={close} title={consequence.title} size="lg">
      <form
        className="confirm"
        onSubmit={(event) => {
          event.preventDefault();
          action.mutate();
        }}
      >
        <p className="confirm-lead">What will happen:</p>
        <ul>
          {consequence.will.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
        {consequence.undo && <p className="confirm-undo">{consequence.undo}</p>}
        {children}
        <div className="confirm-who">
          <TextInput label="Your name" description="It goes on the record" value={who} onChange={(event) => setWho(event.currentTarget.value)} required />
          {asksReason && (
            <Textarea label="Why" description="One sentence for whoever reads this later" autosize minRows={1} value={reason} onChange={(event) => setReason(event.currentTarget.value)} required data-autofocus />
          )}
        </div>
        <details>
          <summary>The same from a shell</summary>
          <Command text={shell(who || 'NAME', reason || 'WHY')} />
        </details>
        {action.error && (
          <p className="confirm-error" role="alert">
            {sentence(action.error.message)} Nothing was changed.
          </p>
        )}
        <div className="confirm-end">
          <Button variant="default" onClick={close}>Leave as it is</Button>
          <Button type="submit" color={consequence.danger ? 'red.8' : undefined} loading={action.isPending}>
            {consequence.button}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
