package sqlstate

import (
	"context"
	"database/sql"
	"time"
)

// Join implements state.Grouper.
func (s *Store) Join(ctx context.Context, group, member string, ttl time.Duration) error {
	err := s.call(ctx, "join", group, func() error {
		if err := checkKey(member); err != nil {
			return err
		}
		v := verbJoin
		if ttl <= 0 {
			v = verbLeave
		}
		_, err := s.exec(ctx, v, values{name: group, member: member, ttl: ttl})
		return err
	})
	if err == nil {
		s.wrote(ctx)
	}
	return err
}

// Leave implements state.Grouper.
func (s *Store) Leave(ctx context.Context, group, member string) error {
	return s.call(ctx, "leave", group, func() error {
		_, err := s.exec(ctx, verbLeave, values{name: group, member: member})
		return err
	})
}

// Members implements state.Grouper.
func (s *Store) Members(ctx context.Context, group string) (members []string, err error) {
	err = s.call(ctx, "members", group, func() error {
		members = nil
		rows, err := s.query(ctx, verbMembers, values{name: group})
		if err != nil {
			return err
		}
		defer closeRows(rows)
		for rows.Next() {
			var member string
			if err := rows.Scan(&member); err != nil {
				return err
			}
			members = append(members, member)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return members, nil
}

// closeRows ends a query; what went wrong in it was told by Err.
func closeRows(rows *sql.Rows) { _ = rows.Close() }
