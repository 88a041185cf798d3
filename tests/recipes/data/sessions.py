"""Sessions that load objects linked both ways, and an engine for each tenant."""

from collections import Counter

from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

import gcwise


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    pages: Mapped[int]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


@gcwise.batch("session")
def pages_by_author(engine):
    pages = Counter()
    with Session(engine) as session:
        for author in session.scalars(select(Author).options(selectinload(Author.books))):
            for book in author.books:
                pages[book.author.id] += book.pages  # From here on, both name each other.
    return pages


@gcwise.teardown("tenant")
def serve_tenant(url):
    engine = create_engine(url)
    pages = pages_by_author(engine)
    engine.dispose()
    return pages
