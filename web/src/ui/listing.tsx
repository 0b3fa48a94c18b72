// A list of named things, page by page, in which one finds by name.
import { TextInput } from '@mantine/core';
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useState } from 'react';
import { nameFilter, type Page } from '../tracking';
import { Empty, Failed, Loading } from './notes';

interface Props<T> {
  title: string;
  heads: string[];
  use: (filter: string) => UseInfiniteQueryResult<InfiniteData<Page<T>>>;
  row: (item: T) => ReactNode;
  none: (words: string) => string;
  hint?: (items: T[], words: string) => ReactNode;
}

export function Listing<T>({ title, heads, use, row, none, hint }: Props<T>) {
  const [words, setWords] = useState('');
  const { data, error, refetch, hasNextPage, fetchNextPage } = use(nameFilter(words));
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="listing">
      <div className="listing-head">
        <h1>{title}</h1>
        <TextInput aria-label="Find by name" placeholder="Find by name" value={words} onChange={(event) => setWords(event.currentTarget.value)} />
      </div>
      {!data && (error ? <Failed error={error} again={() => void refetch()} /> : <Loading />)}
      {items.length > 0 && (
        <div className="table-wrap">
          <table>
            <thead><tr>{heads.map((head) => <th key={head}>{head}</th>)}</tr></thead>
            <tbody>{items.map(row)}</tbody>
          </table>
        </div>
      )}
      {data && items.length === 0 && <Empty>{none(words)}</Empty>}
      {hasNextPage && <button type="button" className="link" onClick={() => void fetchNextPage()}>More</button>}
      {data && hint?.(items, words)}
    </div>
  );
}
